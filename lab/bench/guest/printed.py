# SPDX-License-Identifier: GPL-2.0-or-later
"""What other people's tools print, read: each by the form that its own source gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = r"([\d.]+) (ns|us|ms|s|m|h)"
_KLOCKSTAT = re.compile(rf"(?:\S+\+0x\w+|Unknown) +{_TIME} +(\d+) +{_TIME} +{_TIME} *$")
_PERF = re.compile(rf"^ *(\d+) +{_TIME} +{_TIME} +{_TIME} +([0-9a-f]{{8,}})")
_SAMPLES = re.compile(r"Captured and wrote .* \((\d+) samples\)")
#: perf's words for what it had no room for, of chunks or of samples: it tells no number of events.
_PERF_LOST = re.compile(r"\blost \d+")


@dataclass(frozen=True)
class Locked:
    """What a tool says of one lock, or of one place that locks."""

    count: int
    seconds: float
    longest_seconds: float


def klockstat(text: str) -> Iterator[Locked]:
    """Each caller's acquisitions, which it calls waits (print_acq_stat in its klockstat.c)."""
    for line in text.partition("Avg Hold")[0].splitlines():
        if row := _KLOCKSTAT.search(line):
            yield Locked(int(row[3]), _seconds(row[6], row[7]), _seconds(row[4], row[5]))


def perf_contention(text: str, lock: int) -> Locked | None:
    """The waits for the lock at this address, in what `perf lock contention -l` prints."""
    for row in map(_PERF.search, text.splitlines()):
        if row and int(row[8], 16) == lock:
            return Locked(int(row[1]), _seconds(row[2], row[3]), _seconds(row[4], row[5]))
    return None


def counted_by_klockstat(text: str) -> dict[str, Any]:
    """Of every rwsem and mutex. It does not know what it lost."""
    return {"acquisitions": sum(row.count for row in klockstat(text))}


def counted_by_perf(text: str) -> dict[str, Any]:
    """A record for each begin and each end of a wait; lost: 0 where it complains of nothing."""
    found = _SAMPLES.search(text)
    return {
        "records": int(found[1]) if found else None,
        "lost": None if found is None or _PERF_LOST.search(text) else 0,
    }


def counted_by_bpftrace(text: str) -> dict[str, Any]:
    """What the maps of measure.py add up to. bpftrace does not know what it lost."""
    sums = {name: _sum(text, name) for name in ("waits", "acquired")}
    return {"acquisitions": sums["acquired"], "waits": sums["waits"]}


def _sum(text: str, name: str) -> int | None:
    values = re.findall(rf"^@{name}\[\d+\]: (\d+)$", text, re.MULTILINE)
    return sum(map(int, values)) if values else None


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]
