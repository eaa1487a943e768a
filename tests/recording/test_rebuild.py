# SPDX-License-Identifier: GPL-2.0-or-later
"""What a recording is added up to is what its records say, one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from immapscope.kernel.words import Cause, Operation
from immapscope.law import law
from immapscope.recording.reader import Recording
from immapscope.recording.rebuild import snapshot_of
from immapscope.recording.records import INTERRUPTED
from immapscope.recording.schema import Kind
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS, HolderKind, Snapshot
from tests.recording.made import HEADER, counted, records, storm, write

HOLDERS = {1: HolderKind.WRITER, 2: HolderKind.READER, 3: HolderKind.UNKNOWN}


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    return storm(7, 3000)


@pytest.fixture(scope="module")
def snapshot(made: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("recording") / "file"
    write(path, [records(made[:1000]), records(made[1000:])])
    with Recording(path) as recording:
        return snapshot_of(recording)


def expected(made: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[int]]:
    """[acquisitions, contended, interrupted, wait, longest, hold] by file, node, ... cause."""
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * 6)
    for row in made:
        if row["kind"] not in (Kind.ACQUISITION, Kind.WAIT):
            continue
        waited = "wait_or_vma" in row
        holder = HOLDERS[row["holder"]] if waited else None
        key = (
            row["slot"], row["node"], holder,
            row["holder_node"] if holder is HolderKind.WRITER else None,
            Operation.from_code(row["operation"]),
            Cause.from_code(row["cause"]) if waited else None,
        )  # fmt: skip
        sums = found[key]
        finished = row["kind"] is Kind.ACQUISITION
        ended = waited and not row["flags"] & INTERRUPTED
        wait = row["wait_or_vma"] if ended else 0
        sums[0] += finished
        sums[1] += ended
        sums[2] += waited and not ended
        sums[3] += wait
        sums[4] = max(sums[4], wait)
        sums[5] += row["hold"]
    return found


def test_rows_are_the_sums_of_the_records(made: list[dict[str, Any]], snapshot: Snapshot) -> None:
    found = {}
    for row in snapshot.rows:
        slot = 0 if row.inode is None else row.inode.number - 1000
        key = (slot, row.node, row.holder_kind, row.holder_node, row.operation, row.cause)
        found[key] = [
            row.acquisitions, row.contended, row.interrupted, row.wait_ns, row.wait_max_ns,
            row.hold_ns,
        ]  # fmt: skip
    wanted = expected(made)
    # A wait whose hold was not seen has no hold of ours to add.
    assert {key: sums[:5] for key, sums in found.items()} == {
        key: sums[:5] for key, sums in wanted.items()
    }


def test_every_wait_is_in_the_bucket_that_it_fits(
    made: list[dict[str, Any]], snapshot: Snapshot
) -> None:
    waits = [
        row["wait_or_vma"]
        for row in made
        if row["kind"] in (Kind.ACQUISITION, Kind.WAIT)
        and "wait_or_vma" in row
        and not row["flags"] & INTERRUPTED
    ]
    counts = [0] * (len(WAIT_BUCKET_BOUNDS_NS) + 1)
    for wait in waits:
        counts[sum(wait > bound for bound in WAIT_BUCKET_BOUNDS_NS)] += 1
    found = [row.wait_buckets for row in snapshot.rows if row.wait_buckets is not None]
    assert [sum(column) for column in zip(*found, strict=True)] == counts


def test_changes_and_failures_are_counted(made: list[dict[str, Any]], snapshot: Snapshot) -> None:
    changes = sum(row["kind"] is Kind.TREE for row in made)
    assert sum(o.inserts + o.inserts_after + o.removes for o in snapshot.tree_operations) == changes
    failures = sum(row["kind"] is Kind.FAILED_TRYLOCK for row in made)
    assert snapshot.totals.failed_trylocks == failures


def test_only_the_files_that_are_wanted(made: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, [records(made)])
    with Recording(path) as recording:
        libc = snapshot_of(recording, lambda inode: inode.name == "libc.so.6")
    assert {row.inode.name for row in libc.rows if row.inode} == {"libc.so.6"}
    of_libc = (row for row in made if row.get("slot") == 1)
    assert libc.totals.acquisitions == sum(row["kind"] is Kind.ACQUISITION for row in of_libc)


def test_what_found_no_room_is_lost_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "file"
    refused = {"acquisition": 5, "failed_trylock": 2, "tree": 4}
    slots = counted(entered=(8, 3), refused=refused, refused_waits=3)
    header = replace(HEADER, entered=(8, 3), slots=slots)
    write(
        path, [records([{"kind": Kind.ACQUISITION, "slot": 1, "operation": 1, "side": 1}])], header
    )
    with Recording(path) as recording:
        snapshot = snapshot_of(recording)
    assert {reason: loss.count for reason, loss in snapshot.loss.items() if loss.count} == {
        "ring_full": 7, "ring_full_waits": 3, "ring_full_tree_operations": 4,
    }  # fmt: skip
    assert all(equation.holds for equation in law(snapshot))


@pytest.mark.parametrize("command", [(), ("make", "-j64"), ("sh", "-c", "\udcff \n")])
def test_what_was_run_is_told_as_a_trace_tells_it(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "file"
    write(path, [records(storm(1, 50))], replace(HEADER, command=command))
    with Recording(path) as recording:
        assert snapshot_of(recording).command == (command or None)


def test_a_recording_that_was_not_closed_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, [records(storm(1, 50))], replace(HEADER, complete=False))
    with Recording(path) as recording:
        assert any("was not closed" in note for note in snapshot_of(recording).notes)


@pytest.mark.parametrize("name", [b"a\nb", b"\xff\xfe", b"<b>", b"x" * 255])
def test_names_are_kept_byte_for_byte(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "file"
    write(path, [records([{"kind": Kind.ACQUISITION, "slot": 1, "operation": 1}])], names=[name])
    with Recording(path) as recording:
        (row,) = snapshot_of(recording).rows
    assert row.inode is not None
    assert (row.inode.name or "").encode("utf-8", "surrogateescape") == name


@pytest.mark.parametrize("folded_live", [False, True])
def test_stacks_that_collided_are_counted_once(tmp_path: Path, folded_live: bool) -> None:
    rows = [row for row in storm(11, 300) if row["kind"] is Kind.ACQUISITION]
    waits = [row for row in rows if row.get("slot") == 1 and "wait_or_vma" in row]
    for row in waits[:5]:
        row["stack"] = -17
    # A session that folded as it ran has counted them too.
    lost = {"stack_collided": 5} if folded_live else {}
    write(tmp_path / "file", [records(rows)], replace(HEADER, slots=counted(lost=lost)))
    with Recording(tmp_path / "file") as recording:
        assert snapshot_of(recording, folded=True).loss["stack_collided"].count == 5
