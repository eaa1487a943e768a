# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON of the live page: what it says, what it does not know, how large it may get."""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from immapscope.exporter.live import MOST_FILES, MOST_SHARDS, POINTS, Live
from immapscope.exporter.pages import Pages
from immapscope.exporter.routes import Reply, route
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Loss, LossUnit, Shard, Snapshot, TreeOperations
from tests.exporter.machines import MS, STATUS, an_exporter, inode, interval, wait
from tests.synthetic import contended_row


def document(*snapshots: Snapshot) -> Any:
    live, told = Live(), b""
    for number, snapshot in enumerate(snapshots):
        told = live.observe(snapshot, replace(STATUS, snapshot_time=100.0 + number))
    return json.loads(told)


def several_trees(snapshot: Snapshot, shards: int) -> Snapshot:
    kernel = replace(snapshot.kernel, layout="split", shards=shards, shard_policy="node")
    return replace(snapshot, kernel=kernel)


def test_files_are_told_by_what_they_waited_a_second() -> None:
    one = replace(
        interval([wait(inode(1), 500 * MS), wait(inode(2), 1500 * MS)]), duration_ns=10**9
    )
    told = document(one)
    assert [(file["file"], file["waiting"]) for file in told["files"]] == [
        ("lib2.so", 1.5), ("lib1.so", 0.5),
    ]  # fmt: skip
    assert told["totals"]["waiting"] == 2.0
    assert told["totals"]["waits_per_second"] == 2.0


def test_a_file_that_was_not_among_the_hottest_has_gaps_in_its_trend() -> None:
    first = interval([wait(inode(1), MS)])
    second = interval([wait(inode(2), MS)])
    told = document(first, second)
    (file,) = told["files"]
    assert file["trend"][0] is None
    assert file["trend"][1] > 0
    assert len(told["trend"]["times"]) == len(told["trend"]["waiting"]) == 2


def test_who_waits_behind_whom_is_by_node() -> None:
    rows = [
        wait(inode(1), 300 * MS, node=0, holder_node=2),
        wait(inode(1), 100 * MS, node=2, holder_node=2),
        replace(wait(inode(1), 50 * MS, node=1), holder_kind=None, holder_node=None),
    ]
    matrix = document(replace(interval(rows), duration_ns=10**9))["matrix"]
    assert matrix["nodes"] == [0, 1, 2]
    assert matrix["holders"] == ["0", "1", "2", "reader", "unknown"]
    assert matrix["waiting"] == [[0, 0, 0.3, 0, 0], [0, 0, 0, 0, 0.05], [0, 0, 0.1, 0, 0]]


def test_causes_come_with_what_the_lock_was_held_for() -> None:
    rows = [
        contended_row(inode(1), 0, Operation.INSERT, Cause.EXEC, [2 * MS]),
        contended_row(inode(1), 0, Operation.REMOVE, None, [MS]),
    ]
    causes = document(interval(rows))["causes"]
    assert [(one["cause"], one["operation"]) for one in causes] == [
        ("exec", "insert"), (None, "remove"),
    ]  # fmt: skip


def test_shards_are_those_of_the_hottest_file() -> None:
    rows = [
        wait(inode(1), 2 * MS, shard=1, node=0),
        wait(inode(1), MS, shard=0, node=1),
        wait(inode(2), MS, shard=3),
    ]
    made = several_trees(interval(rows), 4)
    home = Shard(inode(1), 1, 3, None, 0, 0, 0, 1, 2 * MS)
    shards = document(replace(made, shards=(home,)))["shards"]
    assert (shards["file"], shards["shards"], shards["nodes"]) == ("lib1.so", [0, 1], [0, 1])
    assert shards["home_nodes"] == [None, 3]
    assert [[value > 0 for value in row] for row in shards["waiting"]] == [
        [False, True], [True, False],
    ]  # fmt: skip


def test_a_lock_over_all_trees_is_a_column_of_its_own() -> None:
    row = replace(wait(inode(1), MS), shard=None)
    shards = document(several_trees(interval([row, wait(inode(1), MS, shard=2)]), 4))["shards"]
    assert shards["shards"] == [2, None]


def test_what_is_not_known_is_null() -> None:
    told = document(interval([wait(inode(1), MS)]))
    assert told["shards"] is None
    assert told["files"][0]["wait_seconds_per_tree_operation"] is None
    idle = document(interval([]))
    assert (idle["matrix"], idle["files"], idle["causes"]) == (None, [], [])


def test_wait_per_tree_operation_is_of_the_file() -> None:
    changes = (TreeOperations(inode(1), 0, 0, 3, 1, 0), TreeOperations(inode(2), 0, 0, 9, 0, 0))
    made = replace(interval([wait(inode(1), 8 * MS)]), tree_operations=changes)
    assert document(made)["files"][0]["wait_seconds_per_tree_operation"] == pytest.approx(0.002)


def test_losses_that_are_not_zero_are_told() -> None:
    loss = {
        "exit_missed": Loss(LossUnit.WAITS, 3), "recursion": Loss(LossUnit.ACQUISITIONS, 0, True),
    }  # fmt: skip
    told = document(replace(interval([wait(inode(1), MS)]), loss=loss))
    assert told["loss"] == [
        {"reason": "exit_missed", "unit": "waits", "count": 3, "upper_bound": False}
    ]
    assert told["reconciles"] is False


def test_it_is_bounded_whatever_the_machine() -> None:
    rows = [
        wait(inode(file), MS * (1 + file), shard=shard, node=node, holder_node=node)
        for file in range(40)
        for shard in range(96)
        for node in range(12)
    ]
    made = several_trees(interval(rows), 384)
    live, told = Live(), b""
    for number in range(POINTS + 5):
        told = live.observe(made if number % 50 == 0 else interval(rows[:99]), STATUS)
    told = live.observe(made, STATUS)
    found = json.loads(told)
    assert len(found["files"]) == MOST_FILES
    assert found["more_files"] == 40 - MOST_FILES
    assert len(found["shards"]["shards"]) == MOST_SHARDS
    assert found["shards"]["more_shards"] == 96 - MOST_SHARDS
    assert len(found["trend"]["times"]) == POINTS
    assert len(told) < 64 << 10


def test_names_are_text_and_nothing_else() -> None:
    name = '<script>alert(1)</script>\x1b\udcff\n"'
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1, name), MS)]), STATUS)
    told = exporter.pages.live
    assert told.isascii()
    assert json.loads(told)["files"][0]["file"] == '<script>alert(1)</script>\\x1b\\xff\\x0a"'


def asked(pages: Pages, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return route("GET", "/live.json", named, pages, 0.0)


def test_a_state_that_the_client_has_is_not_sent_again() -> None:
    exporter = an_exporter()
    assert asked(exporter.pages).status is HTTPStatus.SERVICE_UNAVAILABLE
    exporter.observe(interval([wait(inode(1), MS)]), STATUS)
    first = asked(exporter.pages)
    assert first.status is HTTPStatus.OK
    tag = first.headers["ETag"]
    again = asked(exporter.pages, if_none_match=f'"other", {tag}')
    assert (again.status, again.body) == (HTTPStatus.NOT_MODIFIED, b"")
    exporter.observe(interval([wait(inode(1), 2 * MS)]), STATUS)
    assert asked(exporter.pages, if_none_match=tag).status is HTTPStatus.OK


def test_it_is_sent_compressed_to_who_takes_that() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1), MS)]), STATUS)
    reply = asked(exporter.pages, accept_encoding="gzip")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.body == exporter.pages.live_gzip
