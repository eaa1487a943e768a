# SPDX-License-Identifier: GPL-2.0-or-later
"""Where snapshots come from, and the two of them that are worth seeing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from immapscope.arithmetic import difference
from immapscope.snapshot import Snapshot


class Source(Protocol):
    """What measures: `immapscope.tracing.target.Target` is one."""

    def open(self) -> None:
        """From here on events count."""

    def read(self) -> Snapshot:
        """What was counted since then."""

    def close(self) -> Snapshot:
        """What was counted altogether; nothing is counted any more."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The newest reading, and what it has more than the one before; None before the first."""

    since_start: Snapshot | None = None
    interval: Snapshot | None = None

    def then(self, latest: Snapshot) -> Readings:
        """With a newer one."""
        if self.since_start is None:
            return Readings(latest, latest)
        return Readings(latest, difference(latest, self.since_start))
