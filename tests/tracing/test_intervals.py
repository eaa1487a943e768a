# SPDX-License-Identifier: GPL-2.0-or-later
"""Intervals of a session are what its counters differ by, and together they are the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.arithmetic import difference
from immapscope.grouping import ALL_KEYS, GroupedRow, group
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Mode, PerUnit, Row, Snapshot
from immapscope.tracing import counting as counting_module
from immapscope.tracing.assemble import WAIT, Context, assemble
from immapscope.tracing.counting import Counting
from immapscope.tracing.intervals import Interval, Intervals
from immapscope.tracing.sizes import Sizes
from tests.tracing.arrays import SMALL, context, small_counting
from tests.tracing.counted import READER, UNKNOWN, WRITER, Counted, Wait

#: A power of two and what is just above it: another bucket.
SHORT, LONG = 1 << 10, 1 << 20
#: Rows before these are the coarse ones.
FIRST_ROW = SMALL.coarse_rows


class Session:
    """Counters that are filled by saying what happened, read as those of a running session."""

    def __init__(self, mode: Mode = Mode.FULL, *, files: int = 5) -> None:
        sizes = Sizes(cpus=2, nodes=2, files=files, rows=FIRST_ROW + 256)
        self.counted = Counted(files=files, nodes=2, rows=256)
        for slot in range(1, files):
            self.counted.name(slot, b"file")
        self.counting: Counting = small_counting(sizes)
        self.counting.open(())
        self.context: Context = context(mode)
        self.parts = Intervals(self.counting)

    def next(self) -> Interval:
        """The interval that ends with what was counted so far."""
        self._take_over()
        return self.parts.next(self.context)

    def whole(self, until_ns: int) -> Snapshot:
        """The session so far, as one."""
        self._take_over()
        return assemble(
            self.counting.read(),
            replace(self.context, started=self.counting.started, duration_ns=until_ns),
        )

    def _take_over(self) -> None:
        counting, counted = self.counting, self.counted
        counting.files[:], counting.cells[:] = counted.files, counted.cells
        counting.cpus[:] = counted.cpus
        counting.rows[FIRST_ROW:] = counted.rows
        counting.control["files"]["next"] = len(counting.files)
        counting.control["rows"]["next"] = len(counting.rows)


@pytest.fixture
def session() -> Session:
    """Nothing has happened yet."""
    return Session()


def only_row(snapshot: Snapshot) -> Row:
    (row,) = [row for row in snapshot.rows if row.contended or row.interrupted]
    return row


Event = Callable[[Counted], None]

waits = st.builds(
    Wait,
    ns=st.integers(1, 10**12),
    spin_ns=st.integers(0, 1_000),
    holder=st.sampled_from((WRITER, UNKNOWN)),
    holder_node=st.integers(0, 1),
    cause=st.sampled_from((0, Cause.MMAP.code)),
    interrupted=st.booleans(),
) | st.builds(
    # Readers apart from writers: what is one row to a reader is two in the kernel.
    Wait,
    ns=st.integers(1, 10**12),
    holder=st.just(READER),
    reader=st.just(True),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    slot, node = draw(st.integers(0, 4)), draw(st.integers(0, 1))
    operation = draw(st.sampled_from((Operation.INSERT, Operation.WALK)))
    wait, number = draw(waits), draw(st.integers(1, 3))
    kinds: tuple[Event, ...] = (
        lambda counted: counted.waited(slot, node, operation, wait),
        lambda counted: counted.free(slot, node, operation, number),
        lambda counted: counted.fail_to_try(slot, node),
        lambda counted: counted.changed_tree(slot, node, inserts=number, removes=1),
        lambda counted: counted.enter(slot, node, WAIT),
        lambda counted: _lost(counted, slot, node),
        lambda counted: _done_by_the_machine(counted, node, number),
    )
    kind: Event = draw(st.sampled_from(kinds))
    return kind


def _lost(counted: Counted, slot: int, node: int) -> None:
    counted.enter(slot, node, WAIT)
    counted.lose(slot, node, "exit_missed")


def _done_by_the_machine(counted: Counted, node: int, number: int) -> None:
    counted.cpus[node]["execs"] += number
    counted.cpus[node]["forks"] += 1
    counted.cpus[node]["boundary"] += 1


histories = st.lists(st.lists(events(), max_size=8), min_size=1, max_size=5)


def comparable(snapshot: Snapshot) -> tuple[Snapshot, set[GroupedRow]]:
    """Without what is said otherwise on purpose, and the rows in no order."""
    rest = replace(snapshot, rows=(), entered=PerUnit(0, 0), notes=())
    return rest, set(group(snapshot.rows, ALL_KEYS))


@pytest.mark.parametrize("mode", Mode)
@settings(max_examples=15)
@given(history=histories)
def test_an_interval_is_what_two_snapshots_differ_by(
    mode: Mode, history: Sequence[Sequence[Event]]
) -> None:
    session = Session(mode)
    until_ns = 0
    before = session.whole(until_ns)
    for happened in history:
        for event in happened:
            event(session.counted)
        interval = session.next().snapshot
        until_ns += interval.duration_ns
        now = session.whole(until_ns)
        apart = difference(now, before)
        assert comparable(interval) == comparable(apart)
        # Only here is `entered` without what was inside before.
        assert interval.entered.waits == now.entered.waits - before.entered.waits
        before = now


@settings(max_examples=15)
@given(history=histories)
def test_all_intervals_together_are_the_session(history: Sequence[Sequence[Event]]) -> None:
    session = Session()
    parts = []
    for happened in history:
        for event in happened:
            event(session.counted)
        parts.append(session.next().snapshot)
    whole = session.whole(sum(part.duration_ns for part in parts))
    for measure in (
        "acquisitions", "failed_trylocks", "contended", "interrupted", "wait_ns", "execs", "forks",
    ):  # fmt: skip
        summed = sum(getattr(part.totals, measure) for part in parts)
        assert summed == getattr(whole.totals, measure)
    together = group([row for part in parts for row in part.rows], ALL_KEYS)
    # The longest wait of an interval may be the bound of its bucket.
    assert {replace(row, wait_max_ns=0) for row in together} == {
        replace(row, wait_max_ns=0) for row in group(whole.rows, ALL_KEYS)
    }
    for reason, loss in whole.loss.items():
        assert sum(part.loss[reason].count for part in parts) == loss.count
    assert sum(part.boundary for part in parts) == whole.boundary
    assert sum(part.entered.waits for part in parts) == whole.entered.waits
    assert parts[-1].in_flight == whole.in_flight
    inserts = sum(shard.inserts for part in parts for shard in part.shards)
    assert inserts == sum(shard.inserts for shard in whole.shards)


def test_intervals_follow_each_other_without_a_gap(session: Session) -> None:
    parts = [session.next().snapshot for _ in range(3)]
    session.counting.control["running"] = 0
    assert parts[0].started == session.counting.started
    for one, following in pairwise(parts):
        # datetime has microseconds, the first interval begins at any of them.
        apart = following.started - one.started - timedelta(microseconds=one.duration_ns / 1000)
        assert abs(apart) <= timedelta(microseconds=1)
        assert following.duration_ns > 0


def test_where_nothing_happened_there_are_no_rows(session: Session) -> None:
    session.counted.waited(1, 0)
    session.counted.changed_tree(1, 0, inserts=1)
    session.next()
    interval = session.next()
    snapshot = interval.snapshot
    assert (snapshot.rows, snapshot.shards, snapshot.tree_operations) == ((), (), ())
    assert snapshot.totals.contended == snapshot.totals.acquisitions == 0
    assert list(interval.active) == []


def test_the_longest_wait_is_exact_where_it_is_the_longest_of_the_session(
    session: Session,
) -> None:
    for ns in (SHORT - 24, LONG - 24):
        session.counted.waited(1, 0, wait=Wait(ns=ns))
        assert only_row(session.next().snapshot).wait_max_ns == ns


def test_else_it_is_the_bound_of_the_highest_bucket_with_a_new_wait(session: Session) -> None:
    session.counted.waited(1, 0, wait=Wait(ns=LONG))
    session.next()
    session.counted.waited(1, 0, wait=Wait(ns=300))
    session.counted.waited(1, 0, wait=Wait(ns=SHORT - 24))
    assert only_row(session.next().snapshot).wait_max_ns == SHORT


def test_and_never_above_the_longest_of_the_session(session: Session) -> None:
    for _ in range(2):
        session.counted.waited(1, 0, wait=Wait(ns=SHORT + 1))
        assert only_row(session.next().snapshot).wait_max_ns == SHORT + 1


def test_above_the_last_bound_it_is_the_longest_of_the_session(session: Session) -> None:
    for ns in (1 << 40, 1 << 39):
        session.counted.waited(1, 0, wait=Wait(ns=ns))
        assert only_row(session.next().snapshot).wait_max_ns == 1 << 40


def test_a_wait_that_was_interrupted_has_no_longest(session: Session) -> None:
    session.counted.waited(1, 0, wait=Wait(ns=LONG))
    session.next()
    session.counted.waited(1, 0, wait=Wait(interrupted=True))
    row = only_row(session.next().snapshot)
    assert (row.contended, row.interrupted, row.wait_max_ns) == (0, 1, 0)
    assert (row.wait_ns, row.wait_buckets, row.spin_ns) == (0, None, None)


def test_a_wait_is_told_of_when_all_of_it_is_counted(session: Session) -> None:
    session.counted.waited(1, 0, wait=Wait(ns=SHORT, spin_ns=7))
    row = session.counted.rows[0]
    whole = row.copy()
    # As the programs write it, up to any point (add_wait in probes/row.c).
    row["wait_ns"] = row["spin_ns"] = row["wait_max_ns"] = 0
    row["buckets"] = 0
    assert only_row_or_none(session.next().snapshot) is None
    row["wait_ns"] = whole["wait_ns"]
    row["interrupted"] = 1
    told = only_row(session.next().snapshot)
    assert (told.contended, told.interrupted, told.wait_ns) == (0, 1, 0)
    session.counted.rows[0] = whole
    session.counted.rows[0]["interrupted"] = 1
    told = only_row(session.next().snapshot)
    assert (told.contended, told.interrupted, told.wait_ns, told.spin_ns) == (1, 0, SHORT, 7)
    assert sum(told.wait_buckets or ()) == 1
    assert told.acquisitions == 1


def only_row_or_none(snapshot: Snapshot) -> Row | None:
    return only_row(snapshot) if any(row.contended for row in snapshot.rows) else None


def test_who_is_inside_at_the_end_of_an_interval_is_in_flight(session: Session) -> None:
    session.counted.enter(1, 0, WAIT)
    first = session.next().snapshot
    assert (first.entered.waits, first.in_flight.waits) == (1, 1)
    second = session.next().snapshot
    assert (second.entered.waits, second.in_flight.waits) == (0, 1)
    # It is obtained: had Counted counted the entry again, it would be two.
    session.counted.waited(1, 0, full=False)
    session.counted.cpus["entered"][0][WAIT] -= 1
    session.counted.cells["entered"][0, 1, WAIT] -= 1
    third = session.next().snapshot
    assert (third.entered.waits, third.in_flight.waits, third.totals.contended) == (0, 0, 1)


def test_nothing_is_below_0_where_a_wanted_file_gives_up_what_entered(session: Session) -> None:
    session.context = replace(session.context, wanted=lambda inode: inode.number == 1001)
    session.counted.enter(1, 0, WAIT)
    assert session.next().snapshot.entered == PerUnit(0, 1)
    # No row was left for it: it is counted where no file is (move_entered in probes/cell.c).
    session.counted.cells["entered"][0, 1, WAIT] -= 1
    session.counted.cells["entered"][0, 0, WAIT] += 1
    moved = session.next().snapshot
    assert (moved.entered, moved.in_flight) == (PerUnit(0, 0), PerUnit(0, 0))


@pytest.mark.parametrize(
    "happens",
    [
        lambda counted: counted.waited(2, 0),
        lambda counted: counted.waited(2, 1, wait=Wait(interrupted=True)),
        lambda counted: counted.free(2, 1),
        lambda counted: counted.changed_tree(2, 0, removes=1),
        lambda counted: counted.enter(2, 1, WAIT),
        lambda counted: counted.fail_to_try(2, 0),
        lambda counted: counted.lose(2, 0, "stack_unreadable"),
    ],
)
def test_a_file_with_anything_new_is_active(session: Session, happens: Event) -> None:
    session.counted.waited(1, 0)
    session.next()
    happens(session.counted)
    assert list(session.next().active) == [2]


def test_a_file_is_active_where_a_wait_ends_that_began_long_ago(session: Session) -> None:
    session.counted.waited(2, 0)
    row = session.counted.rows[0]
    ended, row["contended"] = row.copy(), 0
    session.next()
    session.counted.rows[0] = ended
    assert list(session.next().active) == [2]


def test_what_was_cleared_is_counted_from_0(session: Session) -> None:
    session.counted.waited(1, 0, wait=Wait(ns=LONG))
    session.counted.changed_tree(1, 0, inserts=5)
    session.next()
    session.counted.cells[:, 1] = 0
    session.counted.rows[0] = 0
    session.parts.forget(np.array([1]), np.array([FIRST_ROW]))
    session.counted.changed_tree(1, 0, inserts=2)
    snapshot = session.next().snapshot
    assert [tree.inserts for tree in snapshot.tree_operations] == [2]
    assert snapshot.rows == ()


def test_how_many_vmas_there_are_is_no_increment(session: Session) -> None:
    session.counted.name(1, b"libc.so.6", vmas=812)
    for _ in range(2):
        session.counted.changed_tree(1, 0, inserts=1)
        (shard,) = session.next().snapshot.shards
        assert (shard.vmas, shard.inserts) == (812, 1)


def test_what_the_kernel_skipped_is_told_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = {7: 100, 8: 3}
    monkeypatch.setattr(counting_module, "_recursion_misses", missed.__getitem__)
    session.counting.open([(7, "recursion_waits"), (8, None)])
    missed[7] += 5
    missed[8] += 1
    counts = []
    for _ in range(2):
        counts.append(session.next().snapshot.loss["recursion_waits"].count)
    assert counts == [5, 0]
