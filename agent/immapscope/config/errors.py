# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a configuration file, each problem in one line that says where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from immapscope.errors import ImmapscopeError
from immapscope.outputs.printable import printable

_LONGEST_QUOTE = 40


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; `line` counts from 1 and is 0 for the file as a whole."""

    line: int
    text: str


class ConfigError(ImmapscopeError):
    """A configuration that cannot be used; `lines` has every problem, in the file's order."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        name = printable(str(path))
        self.lines = tuple(
            f"{name}:{one.line}: {one.text}" if one.line else f"{name}: {one.text}"
            for one in sorted(problems)
        )
        more = len(self.lines) - 1
        others = f" (and {more} more: immapscope daemon --check)" if more else ""
        super().__init__(self.lines[0] + others)


def quoted(value: object) -> str:
    """A value of the file in quotes, cut where it is long, every character printable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    if isinstance(value, str) and len(value) > _LONGEST_QUOTE:
        return f"{value[:_LONGEST_QUOTE]!r}..."
    return repr(value)
