# SPDX-License-Identifier: GPL-2.0-or-later
"""The intervals of a session add up to it, and each keeps the law."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from immapscope.arithmetic import INTERVAL_MAXIMUM_NOTE, difference
from immapscope.kernel.words import Cause, Operation
from immapscope.law import law
from immapscope.snapshot import Loss, LossUnit, PerUnit, Row, Shard, Snapshot, StackWeight
from tests.outputs.strategies import snapshots
from tests.synthetic import (
    KERNEL,
    LIBC,
    LOADER,
    STARTED,
    contended_row,
    exec_storm,
    free_row,
    snapshot_of,
)


def waits(waits_ns: list[int], *, spin_ns: int | None = None) -> Row:
    return contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, waits_ns, spin_ns=spin_ns)


def second_interval(earlier_rows: list[Row], later_rows: list[Row]) -> Snapshot:
    earlier = replace(snapshot_of(earlier_rows), duration_ns=4_000_000_500)
    return difference(snapshot_of(later_rows), earlier)


def broken(snapshot: Snapshot) -> list[str]:
    return [equation.left_name for equation in law(snapshot) if not equation.holds]


def test_an_interval_has_its_own_time() -> None:
    interval = second_interval([], [])
    assert interval.started == STARTED + timedelta(seconds=4)
    assert interval.duration_ns == 5_999_999_500


def test_an_interval_subtracts_and_drops_what_had_nothing_new() -> None:
    quiet = free_row(LOADER, 0, Operation.REMOVE, 7, 70)
    before = free_row(LIBC, 0, Operation.INSERT, 10, 100)
    after = free_row(LIBC, 0, Operation.INSERT, 15, 190)
    fresh = waits([300])
    interval = second_interval([quiet, before], [quiet, after, fresh])
    measured = {(row.operation, row.acquisitions, row.hold_ns) for row in interval.rows}
    assert measured == {(Operation.INSERT, 5, 90), (Operation.INSERT, 1, 0)}
    assert interval.totals.acquisitions == 6
    assert interval.totals.wait_ns == 300


def test_a_file_that_got_its_name_or_was_deleted_meanwhile_is_the_same_file() -> None:
    nameless = free_row(replace(LIBC, name=None), 0, Operation.INSERT, 10, 0)
    deleted = free_row(replace(LIBC, deleted=True), 0, Operation.INSERT, 12, 0)
    (row,) = second_interval([nameless], [deleted]).rows
    assert row.acquisitions == 2
    assert row.inode == replace(LIBC, deleted=True)


def test_a_maximum_that_rose_is_exact() -> None:
    (row,) = second_interval([waits([5_000])], [waits([5_000, 70_001])]).rows
    assert row.wait_max_ns == 70_001


def test_a_maximum_that_did_not_rise_is_the_bound_of_the_highest_new_bucket() -> None:
    interval = second_interval([waits([70_001])], [waits([70_001, 3_000])])
    (row,) = interval.rows
    assert row.wait_max_ns == 4_096
    assert INTERVAL_MAXIMUM_NOTE in interval.notes


def test_no_maximum_is_above_that_of_the_session() -> None:
    (row,) = second_interval([waits([70_001])], [waits([70_001, 70_000])]).rows
    assert row.wait_max_ns == 70_001


def test_waits_beyond_every_bound_have_the_maximum_of_the_session() -> None:
    hour = 3600 * 10**9
    (row,) = second_interval([waits([hour])], [waits([hour, hour - 1])]).rows
    assert row.wait_max_ns == hour


def test_an_interval_without_waits_has_neither_maximum_nor_spin_nor_histogram() -> None:
    one = waits([70_001], spin_ns=9)
    (row,) = second_interval([one], [replace(one, acquisitions=5)]).rows
    assert (row.contended, row.wait_max_ns, row.spin_ns, row.wait_buckets) == (0, 0, None, None)


def test_the_law_holds_in_an_interval_that_began_with_waits_in_flight() -> None:
    earlier = snapshot_of([waits([10])], in_flight=3)
    later = snapshot_of([waits([10, 20, 30])], in_flight=1)
    interval = difference(later, earlier)
    assert not broken(interval)
    assert interval.in_flight == PerUnit(1, 1)
    assert interval.entered.waits == 0 + 3


@given(snapshots)
def test_from_nothing_to_a_session_is_the_session(snapshot: Snapshot) -> None:
    nothing = replace(snapshot_of([], kernel=snapshot.kernel, mode=snapshot.mode), duration_ns=0)
    interval = difference(snapshot, nothing)
    assert interval.totals == snapshot.totals
    assert not broken(interval)
    assert not difference(snapshot, snapshot).rows


def test_counters_subtract_and_the_number_of_vmas_stands_as_it_is() -> None:
    earlier, later = exec_storm(), exec_storm()
    shard = replace(later.shards[0], vmas=900, inserts=later.shards[0].inserts + 88)
    still = Shard(LOADER, 0, None, 40, 5, 0, 0, 0, 0)
    stacks = (*later.stacks[:2], replace(later.stacks[2], waits=2, wait_ns=5_500_700))
    interval = difference(
        replace(
            later,
            shards=(shard, still),
            stacks=(*stacks, StackWeight(("new",), 1, 5)),
            loss={**later.loss, "exit_missed": Loss(LossUnit.WAITS, 5)},
            boundary=6,
        ),
        replace(earlier, shards=(*earlier.shards, still)),
    )
    assert [(s.vmas, s.inserts, s.removes) for s in interval.shards] == [(900, 88, 0)]
    assert interval.tree_operations == ()
    assert [(s.waits, s.wait_ns) for s in interval.stacks] == [(1, 700), (1, 5)]
    assert interval.loss["exit_missed"].count == 2
    assert interval.loss["state_full"].count == 0
    assert interval.boundary == 2


def test_snapshots_of_different_sessions_have_no_difference() -> None:
    storm = exec_storm()
    with pytest.raises(ValueError, match="different sessions"):
        difference(storm, replace(storm, kernel=replace(KERNEL, cpus=9)))
    with pytest.raises(ValueError, match="before the earlier"):
        difference(replace(storm, duration_ns=1), storm)
