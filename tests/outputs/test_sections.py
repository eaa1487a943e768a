# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a file has several trees: its shards, and who waits behind whom, in 80 columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from immapscope.kernel.words import Cause, Operation
from immapscope.outputs.matrix import matrix
from immapscope.outputs.render import Format, render
from immapscope.outputs.shards import FILES, files
from immapscope.snapshot import HolderKind, Inode, Row, Shard, Snapshot, Sweep, TreeOperations
from tests.synthetic import KERNEL, LIBC, LOADER, contended_row, exec_storm, snapshot_of

SPLIT = replace(KERNEL, layout="split", shards=4, shard_policy="node")


def waited(node: int, behind: int | None, ns: int, kind: HolderKind = HolderKind.WRITER) -> Row:
    row = contended_row(LIBC, node, Operation.INSERT, Cause.MMAP, [ns])
    return replace(row, shard=node, holder_kind=kind, holder_node=behind)


def shard(inode: Inode, number: int | None, wait_ns: int, home: int | None = None) -> Shard:
    return Shard(inode, number, home, 10, 0, 0, 0, 1 if wait_ns else 0, wait_ns)


def split(
    *rows: Row,
    shards: tuple[Shard, ...] = (),
    tree_operations: tuple[TreeOperations, ...] = (),
    sweeps: tuple[Sweep, ...] = (),
) -> Snapshot:
    return replace(
        snapshot_of(rows, kernel=SPLIT),
        shards=shards,
        tree_operations=tree_operations,
        sweeps=sweeps,
    )


def test_a_matrix_is_in_percent_of_all_waiting() -> None:
    found = matrix(
        split(waited(0, 1, 500), waited(1, 0, 250), waited(1, None, 249, HolderKind.READER),
              waited(0, 0, 1))
    )  # fmt: skip
    assert found is not None
    assert found.columns == ("0", "1", "reader", "unknown", "all")
    assert found.rows == ("0", "1", "all")
    assert found.cells == (
        ("<1", "50", ".", ".", "50"),
        ("25", ".", "25", ".", "50"),
        ("25", "50", "25", ".", "100"),
    )


def test_without_waits_there_is_no_matrix() -> None:
    assert matrix(split()) is None


def test_a_writer_whose_node_is_unknown_is_unknown() -> None:
    found = matrix(split(waited(0, None, 100)))
    assert found is not None
    assert found.cells[0] == (".", ".", "100", "100")


def test_imbalance_is_the_most_over_the_mean_of_all_shards() -> None:
    (file,) = files(
        split(shards=(shard(LIBC, 0, 300), shard(LIBC, 1, 100), shard(LIBC, None, 900)))
    )
    assert file.imbalance == pytest.approx(300 / (400 / 4))
    assert file.wait_ns == 1300


def test_where_nobody_waited_imbalance_is_of_changes() -> None:
    operations = (TreeOperations(LIBC, 0, 0, 6, 0, 0), TreeOperations(LIBC, 1, 0, 1, 1, 0))
    shards = (shard(LIBC, 0, 0, 0), shard(LIBC, 1, 0, 1))
    (file,) = files(split(shards=shards, tree_operations=operations))
    assert file.imbalance == pytest.approx(6 / (8 / 4))
    assert (file.changes, file.remote) == (8, 2)
    assert (file.forked, file.forked_remote) == (1, 1)


def test_what_has_no_home_is_neither_near_nor_far() -> None:
    operations = (TreeOperations(LIBC, 0, 3, 6, 2, 0),)
    (file,) = files(split(shards=(shard(LIBC, 0, 0),), tree_operations=operations))
    assert (file.remote, file.forked_remote) == (None, None)
    assert file.lines[0].remote is None


def test_files_that_waited_most_come_first() -> None:
    found = files(split(shards=(shard(LIBC, 0, 1), shard(LOADER, 0, 2))))
    assert [file.inode for file in found] == [LOADER, LIBC]


def test_a_table_shows_the_shards_of_a_few_files() -> None:
    many = [Inode("254:0", number, 1, f"lib{number}.so") for number in range(FILES + 2)]
    text = render(
        split(shards=tuple(shard(inode, 0, 100 + inode.number, 0) for inode in many)),
        format=Format.TABLE, width=80,
    )  # fmt: skip
    assert text.count("shard  node") == FILES
    assert f"lib{FILES + 1}.so; imbalance 4.00" in text
    assert "lib0.so" not in text


def test_a_sweep_is_told_with_its_file() -> None:
    text = render(
        split(shards=(shard(LIBC, 0, 0),), sweeps=(Sweep(LIBC, 5, 7_000),)), format=Format.TABLE
    )
    assert "5 sweeps, 7.00 us waited in them" in text


def test_twelve_nodes_and_a_hostile_name_fit_into_80_columns() -> None:
    hostile = replace(LIBC, name="\x1b[2J[red]" + "n" * 240)
    rows = [
        replace(waited(node, holder, 10**9), inode=hostile)
        for node in range(12)
        for holder in range(12)
    ]
    text = render(
        split(*rows, shards=tuple(shard(hostile, node, 10**9, node) for node in range(12))),
        format=Format.TABLE, width=80,
    )  # fmt: skip
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert len([line for line in text.splitlines() if line.startswith("node")]) == 1


def test_one_tree_has_no_sections() -> None:
    assert "shard  node" not in render(exec_storm(), format=Format.TABLE)
