# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading and recycling as the daemon does, checked against what the model of the programs did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from immapscope.snapshot import Mode, Row, Snapshot
from immapscope.tracing.counters import UNCLAIMED, Structs
from immapscope.tracing.counting import Counting
from immapscope.tracing.intervals import Intervals
from immapscope.tracing.recycling import Recycling, Slots
from tests.tracing.arrays import context
from tests.tracing.model import Programs, Truth


def told_by(intervals: list[Snapshot]) -> Truth:
    """What all these intervals say together."""
    told = Truth()
    for interval in intervals:
        for row in interval.rows:
            number = row.inode.number if row.inode else None
            for measure, count in _counts_of(row):
                told.of_files[number, measure] += count
        for tree in interval.tree_operations:
            number = tree.inode.number if tree.inode else None
            told.of_files[number, "tree"] += tree.inserts + tree.removes
        for reason, loss in interval.loss.items():
            told.overall[reason] += 0 if loss.upper_bound else loss.count
        told.overall["waits entered"] += interval.entered.waits
        told.overall["acquisitions entered"] += interval.entered.acquisitions or 0
        told.overall["failed_trylocks"] += interval.totals.failed_trylocks or 0
    return told


def _counts_of(row: Row) -> Iterator[tuple[str, int]]:
    yield from (("contended", row.contended), ("interrupted", row.interrupted))
    yield from (("wait_ns", row.wait_ns), ("spin_ns", row.spin_ns or 0))
    yield from (("acquisitions", row.acquisitions or 0), ("hold_ns", row.hold_ns or 0))
    for index, count in enumerate(row.wait_buckets or ()):
        yield f"bucket {index}", count


def check_all_told(intervals: list[Snapshot], truth: Truth) -> None:
    """The intervals together are the truth, none of them says less than nothing."""
    told = told_by(intervals)
    assert _without_zeros(told.of_files) == _without_zeros(truth.of_files)
    assert _without_zeros(told.overall) == _without_zeros(truth.overall)
    assert all(number >= 0 for interval in intervals for number in _numbers_in(interval))


def _without_zeros(counts: Counter[Any]) -> dict[Any, int]:
    return {key: count for key, count in counts.items() if count}


def _numbers_in(part: Any) -> Iterator[int]:
    if isinstance(part, int):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _numbers_in(one)
    elif isinstance(part, dict):
        yield from _numbers_in(tuple(part.values()))
    elif is_dataclass(part):
        yield from _numbers_in(tuple(getattr(part, field.name) for field in fields(part)))


def check_pools(counting: Counting, programs: Programs) -> None:
    """What is in a ring is free, clear, there once, and in nobody's hands."""
    free = _ring(counting, "files", counting.files, counting.free_files)
    assert not any(counting.files[free].tobytes())
    assert not any(counting.cells[:, free].tobytes())
    assert not set(free) & programs.slots_in_use
    free = _ring(counting, "rows", counting.rows, counting.free_rows)
    assert not any(counting.rows[free].tobytes())


def _ring(counting: Counting, name: str, array: Structs, ring: Structs) -> list[int]:
    pool = counting.control[name]
    taken, given, following = (int(pool[key][0]) for key in ("taken", "given", "next"))
    assert 0 <= given - taken < len(array)
    free = [int(ring["value"][at % len(array)]) for at in range(taken, given)]
    assert len(set(free)) == len(free)
    assert all(0 < number < len(array) for number in free)
    assert (array["state"][free] == UNCLAIMED).all()
    # What was never handed out, or handed back at once, is not in the ring besides.
    assert not set(free) & set(range(following, len(array)))
    return free


class Agent:
    """Whatever was idle in an interval is given back at the end of the next."""

    def __init__(
        self, counting: Counting, programs: Programs, grace: Callable[[], None], mode: Mode
    ) -> None:
        self.recycling = Recycling(counting, grace, programs.forget)
        self.intervals: list[Snapshot] = []
        self.given_back = 0
        self._parts = Intervals(counting)
        self._mode = mode
        self._idle: Slots = np.array([], np.intp)

    def read(self) -> None:
        """The next interval."""
        resting = self.recycling.mark(self._idle)
        claimed = self.recycling.claimed()
        interval = self._parts.next(context(self._mode))
        rows = self.recycling.free(resting)
        self._parts.forget(resting, rows)
        self.recycling.collect_burned()
        self.given_back += len(resting)
        self._idle = np.setdiff1d(claimed, interval.active)
        self.intervals.append(interval.snapshot)
