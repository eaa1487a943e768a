# SPDX-License-Identifier: GPL-2.0-or-later
"""What is counted of the machine as a whole: execs, forks, losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from immapscope.snapshot import Snapshot

#: Lines with neither a file nor a reason: kernel_info, build_info, tracked_inodes, probes_attached,
#: last_snapshot_timestamp_seconds, config_last_reload_successful, execs, forks, dropped_series.
SINGLE_LINES: Final = 9


@dataclass(slots=True)
class Machine:
    """Sums over all intervals. Every reason that was ever told is in `lost`, from 0 on."""

    execs: int = 0
    forks: int = 0
    lost: dict[str, int] = field(default_factory=dict)

    def take(self, interval: Snapshot) -> None:
        """Adds an interval."""
        self.execs += interval.totals.execs
        self.forks += interval.totals.forks
        for reason, loss in interval.loss.items():
            self.lost[reason] = self.lost.get(reason, 0) + loss.count

    @property
    def lines(self) -> int:
        """The most sample lines of immap_* that belong to no file."""
        return SINGLE_LINES + len(self.lost)
