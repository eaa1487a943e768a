# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exporter is told besides a snapshot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """What only the daemon knows; `snapshot_time` in seconds since the epoch."""

    tracked_inodes: int
    probes_attached: int
    snapshot_time: float
    config_reload_successful: bool
