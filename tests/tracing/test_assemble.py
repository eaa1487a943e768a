# SPDX-License-Identifier: GPL-2.0-or-later
"""What was counted comes out under the right file, in rows that add up to the totals."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given

from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import (
    HolderKind,
    Inode,
    PerUnit,
    Shard,
    StackWeight,
    Sweep,
    TreeOperations,
)
from immapscope.tracing.assemble import NO_FILE, assemble, device_name
from immapscope.tracing.counters import CLAIMED, NO_SHARD, RETIRING, UNCLAIMED
from immapscope.tracing.placement import Placement
from tests.outputs.strategies import name_bytes
from tests.tracing.counted import (
    CONTENTION,
    CONTEXT,
    DEVICE,
    READER,
    UNKNOWN,
    WRITER,
    Counted,
    Wait,
)


@pytest.fixture
def counted() -> Counted:
    """Slot 1 is libc's, slot 2 the loader's."""
    counted = Counted()
    counted.name(1, b"libc.so.6", vmas=812)
    counted.name(2, b"ld-linux-x86-64.so.2")
    return counted


LIBC = Inode("254:0", 1001, 7, "libc.so.6")
LOADER = Inode("254:0", 1002, 7, "ld-linux-x86-64.so.2")


def is_libc(inode: Inode) -> bool:
    return inode.name == "libc.so.6"


def test_a_device_is_named_as_the_kernel_splits_it() -> None:
    assert device_name(DEVICE) == "254:0"
    assert device_name(8 << 20 | 17) == "8:17"
    assert device_name(0xFFFFFFFF) == "4095:1048575"


def test_an_acquisition_that_was_to_be_had_at_once_has_neither_holder_nor_cause(
    counted: Counted,
) -> None:
    counted.free(1, 1, Operation.REMOVE, hold_ns=70)
    counted.free(1, 1, Operation.REMOVE, hold_ns=30)
    (row,) = counted.snapshot().rows
    assert (row.inode, row.shard, row.node, row.operation) == (LIBC, 0, 1, Operation.REMOVE)
    assert (row.holder_kind, row.holder_node, row.cause) == (None, None, None)
    assert (row.acquisitions, row.contended, row.hold_ns) == (2, 0, 100)
    assert (row.wait_ns, row.wait_max_ns, row.spin_ns, row.wait_buckets) == (0, 0, None, None)


def test_a_wait_says_behind_whom_and_why(counted: Counted) -> None:
    wait = Wait(ns=2_000, spin_ns=1_500, holder_node=1, cause=Cause.EXIT.code)
    counted.waited(2, 0, Operation.REMOVE, wait, hold_ns=40)
    counted.waited(2, 0, Operation.REMOVE, replace(wait, ns=300, spin_ns=300), hold_ns=2)
    (row,) = counted.snapshot().rows
    assert (row.inode, row.node) == (LOADER, 0)
    assert (row.holder_kind, row.holder_node) == (HolderKind.WRITER, 1)
    assert (row.operation, row.cause) == (Operation.REMOVE, Cause.EXIT)
    assert (row.acquisitions, row.contended, row.interrupted) == (2, 2, 0)
    assert (row.wait_ns, row.wait_max_ns, row.spin_ns, row.hold_ns) == (2_300, 2_000, 1_800, 42)
    assert row.wait_buckets is not None
    # 300 ns is at most 2^9, 2,000 ns at most 2^11; the first bucket is of 2^8.
    assert [index for index, count in enumerate(row.wait_buckets) if count] == [1, 3]


@pytest.mark.parametrize(
    ("holder", "kind", "node"),
    [
        (WRITER, HolderKind.WRITER, 1),
        (READER, HolderKind.READER, None),
        (UNKNOWN, HolderKind.UNKNOWN, None),
    ],
)
def test_only_a_writing_holder_has_a_node(
    counted: Counted, holder: int, kind: HolderKind, node: int | None
) -> None:
    counted.waited(1, 0, wait=Wait(holder=holder, holder_node=1))
    (row,) = counted.snapshot().rows
    assert (row.holder_kind, row.holder_node) == (kind, node)


def test_what_readers_and_writers_waited_for_alike_is_one_row(counted: Counted) -> None:
    counted.waited(1, 0, wait=Wait(ns=900, spin_ns=600))
    counted.waited(1, 0, wait=Wait(ns=400, reader=True))
    (row,) = counted.snapshot().rows
    assert (row.contended, row.wait_ns, row.spin_ns) == (2, 1_300, 600)


def test_a_reader_does_not_spin_so_nobody_knows_for_how_long(counted: Counted) -> None:
    counted.waited(1, 0, wait=Wait(ns=400, reader=True))
    assert [row.spin_ns for row in counted.snapshot().rows] == [None]


def test_a_kernel_that_does_not_say_when_spinning_ends_leaves_spin_unknown(
    counted: Counted,
) -> None:
    counted.waited(1, 0, wait=Wait(ns=900, spin_ns=900))
    assert [row.spin_ns for row in counted.snapshot(replace(CONTEXT, spin_known=False)).rows] == [
        None
    ]


def test_a_wait_that_a_signal_ended_is_no_contention(counted: Counted) -> None:
    counted.waited(1, 0, wait=Wait(interrupted=True), full=False)
    snapshot = counted.snapshot(CONTENTION)
    (row,) = snapshot.rows
    assert (row.contended, row.interrupted, row.wait_ns) == (0, 1, 0)
    assert (row.spin_ns, row.wait_buckets) == (None, None)
    assert (snapshot.totals.contended, snapshot.totals.interrupted) == (0, 1)


def test_a_stack_that_could_not_be_read_leaves_the_cause_unknown(counted: Counted) -> None:
    counted.waited(1, 0, None, Wait(cause=0), full=False)
    (row,) = counted.snapshot(CONTENTION).rows
    assert (row.operation, row.cause) == (None, None)


def test_a_row_that_is_being_claimed_is_not_there_yet(counted: Counted) -> None:
    counted.waited(1, 0)
    counted.rows[0]["state"] = UNCLAIMED
    assert counted.snapshot(closed=False).rows == ()
    counted.rows[0]["state"] = CLAIMED
    counted.rows[0]["contended"] = 0
    assert counted.snapshot(closed=False).rows == ()


def test_contention_mode_knows_nothing_of_acquisitions_and_does_not_say_none(
    counted: Counted,
) -> None:
    counted.waited(1, 0, full=False)
    snapshot = counted.snapshot(CONTENTION)
    assert [(row.acquisitions, row.hold_ns) for row in snapshot.rows] == [(None, None)]
    assert (snapshot.totals.acquisitions, snapshot.totals.failed_trylocks) == (None, None)
    assert snapshot.entered == PerUnit(None, 1)
    assert snapshot.in_flight == PerUnit(None, 0)
    assert "acquisitions" not in {loss.unit for loss in snapshot.loss.values()}


def test_the_files_beyond_the_slots_are_counted_in_a_row_without_a_file(
    counted: Counted,
) -> None:
    counted.free(0, 0)
    counted.waited(0, 1)
    snapshot = counted.snapshot()
    assert [(row.inode, row.acquisitions) for row in snapshot.rows] == [(None, 1), (None, 1)]
    assert snapshot.totals.acquisitions == 2


def test_a_slot_that_two_cpus_claimed_for_one_file_is_nobodys(counted: Counted) -> None:
    counted.burn(3, b"libc.so.6")
    counted.waited(0, 0)
    counted.changed_tree(0, 0, inserts=1)
    counted.free(1, 0)
    snapshot = counted.snapshot()
    assert [row.inode for row in snapshot.rows] == [None, LIBC]
    assert [shard.inode for shard in snapshot.shards] == [None]


def test_only_the_files_asked_for_are_counted(counted: Counted) -> None:
    for slot in (0, 1, 2):
        counted.free(slot, 0)
        counted.waited(slot, 1)
        counted.fail_to_try(slot, 0)
        counted.still_held(slot, 1, contended=True)
        counted.still_waiting(slot, 0)
        counted.changed_tree(slot, 0, inserts=3)
        counted.enter(slot, 0, 1)
        counted.lose(slot, 0, "exit_missed")
        counted.stacks.append((slot, ("outer", f"of_{slot}"), 1, 1_000))
    snapshot = counted.snapshot(replace(CONTEXT, wanted=is_libc))
    assert {row.inode for row in snapshot.rows} == {LIBC}
    assert [shard.inode for shard in snapshot.shards] == [LIBC]
    assert [changes.inode for changes in snapshot.tree_operations] == [LIBC]
    assert snapshot.stacks == (StackWeight(("outer", "of_1"), 1, 1_000),)
    # The CPUs' own counts are of all files; these are the file's.
    assert snapshot.entered == PerUnit(acquisitions=5, waits=4)
    assert snapshot.in_flight == PerUnit(acquisitions=2, waits=2)
    assert snapshot.totals.failed_trylocks == 1
    assert snapshot.loss["exit_missed"].count == 1


def test_files_beyond_the_slots_may_have_been_asked_for_and_that_is_said(
    counted: Counted,
) -> None:
    counted.free(0, 0)
    (note,) = counted.snapshot(replace(CONTEXT, wanted=is_libc)).notes
    assert "1 events were of files beyond the file slots" in note
    assert "--max-files" in note
    assert counted.snapshot().notes == ()


def test_execs_and_forks_are_of_the_whole_machine_whatever_was_asked_for(
    counted: Counted,
) -> None:
    counted.cpus["execs"] = [3, 4]
    counted.cpus["forks"] = [1, 5]
    totals = counted.snapshot(replace(CONTEXT, wanted=is_libc)).totals
    assert (totals.execs, totals.forks) == (7, 6)


def test_a_deleted_file_keeps_its_row_and_says_so(counted: Counted) -> None:
    counted.name(3, b"scratch", deleted=True)
    counted.free(3, 0)
    (row,) = counted.snapshot().rows
    assert row.inode == Inode("254:0", 1003, 7, "scratch", deleted=True)


def test_a_file_of_which_no_name_was_seen_has_its_number(counted: Counted) -> None:
    counted.name(3)
    counted.free(3, 0)
    assert [row.inode for row in counted.snapshot().rows] == [Inode("254:0", 1003, 7, None)]


def test_a_path_that_was_asked_for_is_shown_with_its_file(counted: Counted) -> None:
    counted.free(1, 0)
    counted.free(2, 0)
    known = counted.snapshot(replace(CONTEXT, paths={("254:0", 1001): "/usr/lib/libc.so.6"}))
    assert [row.inode and row.inode.path for row in known.rows] == ["/usr/lib/libc.so.6", None]


def test_a_number_that_was_used_again_is_another_file(counted: Counted) -> None:
    counted.name(3, b"libc.so.6", number=1001, generation=8)
    counted.free(1, 0)
    counted.free(3, 0)
    assert [row.inode for row in counted.snapshot().rows] == [LIBC, replace(LIBC, generation=8)]


@given(name_bytes)
def test_any_name_that_a_file_can_have_comes_back_byte_for_byte(name: bytes) -> None:
    counted = Counted()
    counted.name(1, name)
    counted.free(1, 0)
    (row,) = counted.snapshot().rows
    assert row.inode is not None
    assert row.inode.name is not None
    assert row.inode.name.encode("utf-8", "surrogateescape") == name
    assert os.fsencode(os.fsdecode(name)) == name


def test_what_changed_a_tree_is_told_by_node_and_in_all(counted: Counted) -> None:
    counted.changed_tree(1, 0, inserts=3, removes=1)
    counted.changed_tree(1, 1, inserts_after=2)
    counted.waited(1, 0, wait=Wait(ns=700))
    counted.waited(1, 1, Operation.REMOVE, Wait(ns=50))
    snapshot = counted.snapshot()
    assert snapshot.tree_operations == (
        TreeOperations(LIBC, 0, 0, 3, 0, 1),
        TreeOperations(LIBC, 0, 1, 0, 2, 0),
    )
    assert snapshot.shards == (Shard(LIBC, 0, None, 812, 3, 2, 1, contended=2, wait_ns=750),)


def test_the_number_of_vmas_is_unknown_until_the_tree_was_seen_empty(counted: Counted) -> None:
    counted.changed_tree(2, 0, removes=5)
    assert [shard.vmas for shard in counted.snapshot().shards] == [None]


def test_a_number_of_vmas_that_went_below_zero_is_unknown(counted: Counted) -> None:
    counted.changed_tree(1, 0, removes=813)
    counted.files[1]["vmas"] = (1 << 64) - 1
    assert [shard.vmas for shard in counted.snapshot().shards] == [None]


def test_of_a_file_whose_slot_goes_the_number_of_vmas_is_told_to_be_unknown(
    counted: Counted,
) -> None:
    assert counted.snapshot().shards == ()
    counted.files[1]["state"] = RETIRING
    assert counted.snapshot().shards == (Shard(LIBC, 0, None, None, 0, 0, 0, 0, 0),)


@pytest.fixture
def split() -> Counted:
    """Slots 1 and 2 are shards 0 and 1 of libc, slot 3 is of all its shards."""
    counted = Counted(files=5)
    for slot, shard in ((1, 0), (2, 1), (3, NO_SHARD)):
        counted.name(slot, b"libc.so.6", number=1001)
        counted.files[slot]["shard"] = shard
    return counted


BY_NODE = replace(CONTEXT, placement=Placement("node", {0: 0, 1: 1}))


def test_each_shard_of_a_file_has_rows_of_its_own(split: Counted) -> None:
    split.waited(1, 0, Operation.INSERT, Wait(ns=100))
    split.waited(2, 1, Operation.INSERT, Wait(ns=200))
    split.free(3, 0, Operation.WALK)
    split.free(NO_FILE, 0)
    rows = split.snapshot(BY_NODE).rows
    assert {(row.inode, row.shard, row.wait_ns) for row in rows} == {
        (LIBC, 0, 100),
        (LIBC, 1, 200),
        (LIBC, None, 0),
        (None, None, 0),
    }


def test_a_shard_has_a_home_and_its_own_waits(split: Counted) -> None:
    split.changed_tree(1, 1, inserts=3)
    split.changed_tree(2, 1, inserts_after=2)
    split.waited(2, 1, Operation.INSERT_AFTER, Wait(ns=200))
    snapshot = split.snapshot(BY_NODE)
    assert snapshot.shards == (
        Shard(LIBC, 0, 0, None, 3, 0, 0, 0, 0),
        Shard(LIBC, 1, 1, None, 0, 2, 0, 1, 200),
    )
    assert {(one.shard, one.node) for one in snapshot.tree_operations} == {(0, 1), (1, 1)}
    assert snapshot.kernel.shard_policy == "node"


def test_a_sweep_is_the_files(split: Counted) -> None:
    split.files[3]["sweeps"], split.files[3]["sweep_wait_ns"] = 5, 700
    assert split.snapshot(BY_NODE).sweeps == (Sweep(LIBC, 5, 700),)


def test_a_file_is_one_whatever_its_slots_know_of_it(split: Counted) -> None:
    split.files[1]["named"] = 0
    split.files[2]["deleted"] = 1
    split.free(1, 0)
    split.free(2, 0)
    inodes = {row.inode for row in split.snapshot(BY_NODE).rows}
    assert inodes == {replace(LIBC, deleted=True)}


def test_locks_that_are_not_remembered_are_told(split: Counted) -> None:
    counters = replace(split.counters(), locks_full=True, shards=12)
    snapshot = assemble(counters, BY_NODE)
    assert snapshot.kernel.shards == 12
    assert any("trees' locks is full" in note for note in snapshot.notes)


def test_trees_that_were_not_looked_at_are_not_said_to_be_quiet(counted: Counted) -> None:
    counted.waited(1, 0, full=False)
    snapshot = counted.snapshot(replace(CONTENTION, tree_operations=False))
    assert (snapshot.shards, snapshot.tree_operations) == ((), ())
    assert "recursion_tree_operations" not in snapshot.loss


def test_a_machine_of_many_files_and_nodes_adds_up() -> None:
    counted = Counted(files=1024, nodes=12, rows=2)
    counted.files["number"] = range(1, 1025)
    counted.files["device"] = DEVICE
    counted.files["state"] = CLAIMED
    counted.cells["acquired"][:, :, Operation.INSERT.code : Operation.ADJUST.code] = 1
    counted.cells["entered"][:, :, 0] = 3
    counted.cpus["entered"][:, 0] = 3 * 1024
    snapshot = counted.snapshot()
    assert len(snapshot.rows) == 3 * 12 * 1024
    assert snapshot.totals.acquisitions == snapshot.entered.acquisitions
