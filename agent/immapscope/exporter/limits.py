# SPDX-License-Identifier: GPL-2.0-or-later
"""How much the exporter may expose and remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from immapscope.errors import UsageError

#: What is not of files, and `other` at its coarsest, fit into half of this with room to spare.
SMALLEST_MAX_SERIES: Final = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_series` is the most sample lines of immap_*; `remembered_files` see memory.py.

    Raises UsageError for a `max_series` that leaves no room for any file.
    """

    max_series: int = 10_000
    remembered_files: int = 10_000

    def __post_init__(self) -> None:
        if self.max_series < SMALLEST_MAX_SERIES:
            raise UsageError(
                f"exporter.max_series: {self.max_series} leaves no room for any file; "
                f"give at least {SMALLEST_MAX_SERIES}"
            )
        if self.remembered_files < 0:
            raise UsageError("exporter.remembered_files cannot be below 0")

    @property
    def of_other(self) -> int:
        """The most lines of `other`: half, so that named files always have the larger part."""
        return self.max_series // 2
