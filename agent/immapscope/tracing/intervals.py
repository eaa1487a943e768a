# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session counted since it was last asked, without ever holding more than one copy.

`arithmetic.difference` does the same for two Snapshots; this works on the counters themselves,
since a daemon's session has thousands of rows of which few change in an interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS, PerUnit, Snapshot
from immapscope.tracing.assemble import Context, assemble
from immapscope.tracing.counters import Counters, Structs
from immapscope.tracing.counting import Counting
from immapscope.tracing.recycling import Slots, distinct

_COUNTS_OF_WAITS = (
    "acquisitions", "contended", "wait_ns", "spin_ns", "hold_ns", "buckets",
)  # fmt: skip
_BOUNDS = np.array([*WAIT_BUCKET_BOUNDS_NS, np.iinfo(np.uint64).max], np.uint64)


@dataclass(frozen=True, slots=True)
class Interval:
    """The Snapshot of an interval, and the slots of files that had something new in it."""

    snapshot: Snapshot
    active: Slots


class Intervals:
    """The counters of a running session, as increments."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        # Not zeros_like, which would fill memory that may never be needed.
        self._cells = np.zeros(counting.cells.shape, counting.cells.dtype)
        self._rows = np.zeros(counting.rows.shape, counting.rows.dtype)
        self._sweeps = {
            field: np.zeros(len(counting.files), np.uint64) for field in ("sweeps", "sweep_wait_ns")
        }
        self._cpus = np.zeros(counting.cpus.shape, counting.cpus.dtype)
        self._skipped: dict[str, int] = {}
        self._until_ns = 0
        self._inside = PerUnit(0, 0)

    def next(self, context: Context) -> Interval:
        """What is new; `context` needs no start and duration, which are the interval's own.

        `entered` is what entered in the interval, `in_flight` what was inside at its end, so that
        entered + in flight before = finished + lost + in flight. Where not every file is wanted
        the two sides may differ by what found no row of its own, which is then nobody's.
        """
        now = self._counting.read()
        new = Counters(
            files=self._with_new_sweeps(now.files),
            cells=_taken(now.cells, self._cells[:, : now.cells.shape[1]]),
            rows=_new_rows(now.rows, self._rows[: len(now.rows)]),
            cpus=_taken(now.cpus, self._cpus),
            waiting=None,
            held=None,
            recursion={
                reason: count - self._skipped.get(reason, 0)
                for reason, count in now.recursion.items()
            },
            shards=now.shards,
            locks_full=now.locks_full,
        )
        self._skipped = now.recursion
        since, self._until_ns = self._until_ns, self._counting.duration_ns
        started = self._counting.started + timedelta(microseconds=since // 1000)
        lasted = replace(context, started=started, duration_ns=self._until_ns - since)
        snapshot = assemble(new, lasted)
        # Of differences it has made the difference, what entered less what finished.
        self._inside = _sum(self._inside, snapshot.in_flight)
        entered = _sum(PerUnit(0, 0), snapshot.entered)
        whole = replace(snapshot, entered=entered, in_flight=self._inside)
        return Interval(whole, _active(new))

    def _with_new_sweeps(self, files: Structs) -> Structs:
        """Of all that is kept of a file, what adds up."""
        for field, before in self._sweeps.items():
            earlier = before[: len(files)]
            files[field], earlier[:] = files[field] - earlier, files[field].copy()
        return files

    def forget(self, slots: Slots, rows: Slots) -> None:
        """These were cleared: what is counted in them next is counted from 0."""
        self._cells[:, slots] = 0
        for before in self._sweeps.values():
            before[slots] = 0
        self._rows[rows] = 0


def _sum(before: PerUnit, change: PerUnit) -> PerUnit:
    acquisitions = change.acquisitions
    if acquisitions is not None:
        acquisitions = _added(before.acquisitions or 0, acquisitions)
    return PerUnit(acquisitions, _added(before.waits, change.waits))


def _added(before: int, change: int) -> int:
    """Never below 0; `change` may be a sum of 64 bits that went below 0."""
    return max(0, before + change - (1 << 64 if change >> 63 > 0 else 0))


def _taken(now: Structs, before: Structs) -> Structs:
    """now - before for every field; `before` becomes `now`."""
    new: Structs = (now.view(np.uint64) - before.view(np.uint64)).view(now.dtype)
    before[...] = now
    return new


def _new_rows(now: Structs, before: Structs) -> Structs:
    """The rows that changed, less what they were; `before` becomes `now`."""
    waited = now["contended"] != before["contended"]
    changed = waited | (now["interrupted"] != before["interrupted"])
    new: Structs = now[changed].copy()
    was, ended = before[changed], waited[changed]
    for field in _COUNTS_OF_WAITS:
        # Where no wait has ended, what is new here is of one that is just being counted.
        new[field][~ended] = was[field][~ended]
        new[field] -= was[field]
    new["interrupted"] -= was["interrupted"]
    new["wait_max_ns"] = np.where(ended, _longest(new, was), 0)
    before[waited] = now[waited]
    before["interrupted"] = now["interrupted"]
    return new


def _longest(new: Structs, was: Structs) -> NDArray[np.uint64]:
    """Exact where it is the longest of all, else the bound of the highest new bucket."""
    highest = len(_BOUNDS) - 1 - np.argmax(new["buckets"][:, ::-1] != 0, axis=1)
    risen = new["wait_max_ns"] > was["wait_max_ns"]
    ceiling = np.minimum(_BOUNDS[highest], new["wait_max_ns"])
    longest: NDArray[np.uint64] = np.where(risen, new["wait_max_ns"], ceiling)
    return longest


def _active(new: Counters) -> Slots:
    in_cells = new.cells.view(np.uint64).reshape(*new.cells.shape, -1).any(axis=(0, 2))
    slots = np.concatenate([np.flatnonzero(in_cells), new.rows["slot"].astype(np.intp)])
    return distinct(slots, new.cells.shape[1])
