# SPDX-License-Identifier: GPL-2.0-or-later
"""Who follows whom, and which VMAs an acquisition concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from immapscope.errors import UsageError
from immapscope.kernel.words import Operation
from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.snapshot import Mode
from immapscope.whatif.chains import trace_of
from immapscope.whatif.trace import (
    COPY,
    GOES,
    NEW,
    NOTHING,
    ONE_BY_ONE,
    SLEEP,
    SPAWNS,
    STAYS,
    SWEEP,
    VMA_MASK,
    WHAT_SHIFT,
    WRITE,
    Trace,
)
from tests.whatif.made import Columns, acquired, header, operations, write

#: (task, asked, hold) in the order of releases; waits are 0.
Told = Sequence[tuple[int, int, int]]
#: (operation, acquisition, vma, reuse, parent).
Changed = Sequence[tuple[Operation, int, int, int, int]]


def traced(
    path: Path,
    told: Told,
    *,
    forks: Sequence[tuple[int, int, int]] = (),
    exits: Sequence[tuple[int, int]] = (),
    changed: Changed = (),
    operation: Operation = Operation.INSERT,
    writes: bool = True,
    **more: Any,
) -> Trace:
    """Of a recording with these acquisitions, forks (time, task, child) and exits (time, task)."""
    task, asked, hold = (np.array(column) for column in zip(*told, strict=True))
    count = len(told)
    rows: dict[Kind, Columns] = {
        Kind.ACQUISITION: acquired(
            task=task, asked=asked, hold=hold, operation=np.full(count, operation.code),
            writes=np.full(count, writes), **more,
        )
    }  # fmt: skip
    if forks:
        time, parent, child = (np.array(column) for column in zip(*forks, strict=True))
        rows[Kind.FORK] = {"time_ns": time, "task": parent, "child": child}
    if exits:
        time, ended = (np.array(column) for column in zip(*exits, strict=True))
        rows[Kind.EXIT] = {"time_ns": time, "task": ended}
    if changed:
        rows[Kind.TREE] = {
            "time_ns": np.array([asked[number - 1] for _, number, *_ in changed]),
            "task": np.array([task[number - 1] for _, number, *_ in changed]),
            "acquisition": np.array([number for _, number, *_ in changed]),
            "operation": operations(np.array([one[0].code for one in changed])),
            "vma": np.array([one[2] for one in changed]),
            "vma_reuse": np.array([one[3] for one in changed]),
            "parent_vma": pa.array([one[4] or None for one in changed], pa.uint64()),
            "parent_reuse": np.zeros(count and len(changed), np.int64),
        }
    last = int((asked + hold).max())
    with Recording(write(path, header([0, 0, 1, 1], duration_ns=last), rows)) as recording:
        return trace_of(recording)


def chains(trace: Trace) -> dict[int, list[int]]:
    """By their first events."""
    found = {}
    for head in [*trace.events.head.tolist(), *trace.events.spawned.tolist()]:
        chain, at = [], head
        while at != NOTHING:
            chain.append(at)
            at = int(trace.events.all["following"][at])
        found[head] = chain
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording"


def test_a_task_is_a_chain(path: Path) -> None:
    trace = traced(path, [(1, 100, 10), (2, 105, 10), (1, 150, 5), (2, 190, 5)])
    assert chains(trace) == {0: [0, 2], 1: [1, 3]}
    assert trace.events.start.tolist() == [100, 105]
    assert trace.events.all["think"].tolist() == [0, 0, 40, 75]
    assert trace.events.all["hold"].tolist() == [10, 10, 5, 5]


def test_a_child_that_is_waited_for_is_in_its_parents_chain(path: Path) -> None:
    trace = traced(
        path,
        [(1, 100, 10), (7, 130, 10), (7, 150, 10), (1, 200, 10)],
        forks=[(120, 1, 7)],
        exits=[(170, 7)],
    )
    assert chains(trace) == {0: [0, 1, 2, 3]}
    assert trace.events.all["think"].tolist() == [0, 20, 10, 40]


def test_children_one_after_the_other_with_one_thread_id(path: Path) -> None:
    trace = traced(
        path,
        [(1, 100, 10), (7, 130, 10), (7, 230, 10), (7, 330, 10), (1, 400, 10)],
        forks=[(120, 1, 7), (220, 1, 7), (320, 1, 7)],
        exits=[(150, 7), (250, 7), (350, 7)],
    )
    assert chains(trace) == {0: [0, 1, 2, 3, 4]}


def test_a_child_of_a_child(path: Path) -> None:
    trace = traced(
        path,
        [(1, 100, 10), (7, 130, 10), (8, 160, 10), (7, 190, 10), (1, 400, 10)],
        forks=[(120, 1, 7), (150, 7, 8)],
        exits=[(180, 8), (210, 7)],
    )
    assert chains(trace) == {0: [0, 1, 2, 3, 4]}


def test_a_child_that_nobody_waits_for_begins_a_chain_after_the_fork(path: Path) -> None:
    trace = traced(
        path,
        [(1, 100, 10), (7, 130, 10), (1, 150, 10), (7, 190, 10)],
        forks=[(120, 1, 7)],
        exits=[(210, 7)],
    )
    assert chains(trace) == {0: [0, 2], 1: [1, 3]}
    assert (trace.events.origin.tolist(), trace.events.spawned.tolist()) == ([0], [1])
    assert trace.events.all["kind"][0] & SPAWNS
    assert trace.events.all["think"].tolist() == [0, 20, 40, 50]


def test_a_parent_that_had_taken_no_lock_before(path: Path) -> None:
    trace = traced(
        path, [(7, 130, 10), (8, 230, 10), (1, 300, 10)], forks=[(120, 1, 7), (220, 1, 8)],
        exits=[(150, 7), (250, 8)],
    )  # fmt: skip
    assert chains(trace) == {0: [0, 1, 2]}
    assert trace.events.all["think"].tolist() == [0, 90, 60]


def test_a_long_think_is_sleep(path: Path) -> None:
    trace = traced(path, [(1, 0, 10), (1, 50_000_010, 10), (1, 200_000_000, 10)])
    assert [kind & SLEEP for kind in trace.events.all["kind"].tolist()] == [0, 0, SLEEP]


def vmas(trace: Trace, event: int) -> list[tuple[int, int]]:
    """(what becomes of it, which) of each VMA."""
    one = trace.events.all[event]
    begin = int(one["vmas"])
    entries = [begin] if one["count"] == 1 else trace.events.vmas[begin : begin + one["count"]]
    return [(int(entry) >> WHAT_SHIFT, int(entry) & VMA_MASK) for entry in entries]


def test_changes_are_joined_to_their_acquisitions(path: Path) -> None:
    insert, after, remove = Operation.INSERT, Operation.INSERT_AFTER, Operation.REMOVE
    trace = traced(
        path,
        [(1, 100, 10), (2, 101, 20), (1, 150, 10), (2, 160, 10), (1, 190, 10)],
        changed=[
            (insert, 1, 64, 0, 0),
            (insert, 2, 128, 0, 0),
            (after, 3, 192, 0, 64),
            (remove, 4, 128, 0, 0),
            (insert, 5, 128, 1, 0),
        ],
    )
    assert vmas(trace, 0) == [(NEW, 0)]
    assert vmas(trace, 2) == [(STAYS, 0), (COPY, 2)]
    assert vmas(trace, 3) == [(GOES, 1)]
    assert vmas(trace, 4) == [(NEW, 3)]
    assert (trace.vmas, trace.drawn, trace.orphans) == (4, 0, 0)


def test_what_is_split_off_stays_in_its_originals_tree(path: Path) -> None:
    insert, remove = Operation.INSERT, Operation.REMOVE
    trace = traced(
        path, [(1, 100, 10), (1, 200, 10)], operation=Operation.ADJUST,
        changed=[
            (insert, 1, 64, 0, 0),
            (insert, 2, 128, 0, 0),
            (remove, 2, 64, 0, 0),
            (insert, 2, 64, 0, 0),
        ],
    )  # fmt: skip
    assert vmas(trace, 1) == [(STAYS, 0), (COPY, 1)]


def test_several_removed_in_one_hold_go_one_by_one(path: Path) -> None:
    changed = [(Operation.REMOVE, 1, 64 * number, 0, 0) for number in (1, 2, 3)]
    trace = traced(path, [(1, 100, 10)], operation=Operation.REMOVE, changed=changed)
    assert trace.events.all["kind"][0] == WRITE | ONE_BY_ONE
    assert [what for what, _ in vmas(trace, 0)] == [GOES] * 3
    assert (trace.vmas, trace.drawn) == (3, 3)


def test_no_more_vmas_than_can_be_counted(path: Path) -> None:
    """Copies come with their originals, so that these are twice as many entries."""
    changed = [(Operation.INSERT_AFTER, 1, 64 * one, 0, 64 * (one + 1000)) for one in range(1, 130)]
    trace = traced(path, [(1, 100, 10)], operation=Operation.INSERT_AFTER, changed=changed)
    assert len(vmas(trace, 0)) == 255
    assert (trace.vmas, trace.drawn, trace.orphans) == (258, 129, 0)


@pytest.mark.parametrize(("writes", "kind"), [(False, SWEEP), (True, SWEEP | WRITE)])
def test_what_changes_nothing_is_a_sweep(path: Path, writes: bool, kind: int) -> None:
    trace = traced(path, [(1, 100, 10)], operation=Operation.WALK, writes=writes)
    assert (trace.events.all["kind"][0], trace.events.all["count"][0]) == (kind, 0)


def test_what_is_not_there_is_counted(path: Path) -> None:
    trace = traced(
        path,
        [(1, 100, 10), (1, 200, -1), (1, 300, 30)],
        changed=[(Operation.INSERT, 1, 64, 0, 0), (Operation.INSERT, 2, 128, 0, 0)],
        slot=np.array([0, 1, 1]),
    )
    assert (trace.nameless, trace.acquisitions) == (1, 2)
    lost = traced(path, [(1, 100, 10)], changed=[(Operation.INSERT, 1, 64, 0, 0)] * 2)
    assert lost.orphans == 0


def test_recorded_and_replayed_waits_are_of_the_same_blocks(path: Path) -> None:
    """Of 192 acquisitions 128 have a name and are replayed, two in each of 64 blocks."""
    number = np.arange(192)
    told = [(1, 1000 * one, 10) for one in range(1, 193)]
    slot = np.where(number < 64, 0, 1)
    trace = traced(path, told, wait=number + 1, slot=slot)
    assert (trace.acquisitions, trace.nameless) == (128, 64)
    assert trace.waits.tolist() == (number + 1)[64:].reshape(-1, 2).sum(axis=1).tolist()


def test_a_hand_over_takes_what_it_took(path: Path) -> None:
    """From the release at 1100 to 1130 on the same node, from 1180 to 1250 on another."""
    trace = traced(
        path, [(1, 1000, 100), (2, 1050, 50), (3, 1060, 50)],
        wait=np.array([0, 80, 190]), cpu=np.array([0, 1, 2]),
    )  # fmt: skip
    assert trace.gaps.same is not None
    assert trace.gaps.remote is not None
    assert set(trace.gaps.same) == {30}
    assert set(trace.gaps.remote) == {70}
    assert (trace.contended, trace.waits.sum()) == (2, 270)


def test_who_spins_is_told_from_who_sleeps(path: Path) -> None:
    """The lock is free at 1100, 1180 and 1280.

    The second spins and has it at 1110; the third gives up at 1150, and has it at 1230; the fourth
    gives up at 1300, and finds it free as it queues: it spun for the release at 1280, and for that
    at 1180, when the third overtook it.
    """
    trace = traced(
        path, [(1, 1000, 100), (2, 1050, 70), (3, 1060, 50), (4, 1070, 50)],
        wait=np.array([0, 60, 170, 231]), spin=np.array([-1, 60, 90, 230]),
    )  # fmt: skip
    assert (trace.gaps.remote, trace.spin_gaps.remote) == (None, None)
    assert trace.gaps.same is not None
    assert trace.spin_gaps.same is not None
    assert set(trace.gaps.same) == {50}
    assert np.quantile(trace.spin_gaps.same, [0, 0.49]).tolist() == [10, 10]
    assert np.quantile(trace.spin_gaps.same, 0.51) >= 50
    # One who had the lock after 60 would have spun for 90 or 230, equally likely as they are.
    assert trace.spins is not None
    assert set(trace.spins) == {90, 230}


def test_where_no_spin_is_known_all_who_wait_sleep(path: Path) -> None:
    """Without lock:contention_begin a writer's whole wait is said to be spinning."""
    rows = acquired(
        task=np.array([1, 2]), asked=np.array([1000, 1050]), hold=np.array([100, 50]),
        wait=np.array([0, 80]), spin=np.array([-1, 80]),
    )  # fmt: skip
    write(path, header([0, 0], spin_known=False), {Kind.ACQUISITION: rows})
    with Recording(path) as recording:
        trace = trace_of(recording)
    assert (trace.spin_gaps.same, trace.spins) == (None, None)
    assert trace.gaps.same is not None
    assert set(trace.gaps.same) == {30}


def test_a_spinner_that_a_sleeper_overtakes_took_longer(path: Path) -> None:
    """The third spins from 1060; the second, asleep since 1055, has the lock at 1110 to 1160."""
    trace = traced(
        path, [(1, 1000, 100), (2, 1050, 50), (3, 1060, 50), (4, 1220, 30), (5, 1225, 30)],
        wait=np.array([0, 60, 105, 0, 45]), spin=np.array([-1, 5, 105, -1, 45]),
    )  # fmt: skip
    assert trace.spin_gaps.same is not None
    # One spinner took 20 from the release at 1250, another more than 10 from that at 1100.
    assert set(trace.spin_gaps.same) == {20}
    assert trace.gaps.same is not None
    assert set(trace.gaps.same) == {10}


@pytest.mark.parametrize(("overtaken", "gaps"), [(3_000_000, {}), (5_000_000, {1_200_000})])
def test_who_slept_too_long_was_not_there_before_the_last(
    path: Path, overtaken: int, gaps: set[int]
) -> None:
    """The second sleeps from 10 on; the third has the lock as soon as the first gives it back.

    Who slept for 4 ms is promised the lock once it is there: that was not before the third began,
    and it has it 1,200,000 after the first's release. Else all that is known is a lower bound.
    """
    trace = traced(
        path,
        [(1, 0, overtaken), (3, overtaken + 1000, 1_000_000), (2, 10, 50)],
        wait=np.array([0, 0, overtaken + 1_200_000 - 10]),
        spin=np.array([-1, -1, 0]),
    )
    assert set([] if trace.gaps.same is None else trace.gaps.same) == set(gaps)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"mode": Mode.CONTENTION}, "was recorded in contention mode, which knows no holds"),
        ({"layout": "split", "shards": 4}, "is of a kernel of layout split with 4 trees a file"),
        ({"layout": "tree-only", "shards": 4}, "is of a kernel of layout tree-only"),
        ({"node_of_cpu": ()}, "does not say which node each CPU is on"),
        ({"node_of_cpu": (0, -1)}, "does not say which node each CPU is on"),
        ({"duration_ns": 0.5}, "does not say how long it is"),
    ],
)
def test_what_cannot_be_replayed_is_refused(path: Path, changed: dict[str, Any], why: str) -> None:
    whole = header([0, 1])
    kernel = {name: value for name, value in changed.items() if name in ("layout", "shards")}
    rest = {name: value for name, value in changed.items() if name not in kernel}
    told = replace(whole, kernel=replace(whole.kernel, **kernel), **rest)
    rows = acquired(task=np.array([1]), asked=np.array([1]), hold=np.array([1]))
    write(path, told, {Kind.ACQUISITION: rows})
    with Recording(path) as recording, pytest.raises(UsageError, match=why):
        trace_of(recording)


def test_numbers_that_no_kernel_has_are_damage(path: Path) -> None:
    with pytest.raises(UsageError, match="is damaged: a cpu of 9 in it, where there are at most 4"):
        traced(path, [(1, 1, 1)], cpu=np.array([9]))
    with pytest.raises(UsageError, match="is damaged: a task of 4294967295"):
        traced(path, [(0xFFFFFFFF, 1, 1)])
    with pytest.raises(UsageError, match="has no acquisition of a file that it names"):
        traced(path, [(1, 1, 1)], slot=np.array([0]))
