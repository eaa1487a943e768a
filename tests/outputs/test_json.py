# SPDX-License-Identifier: GPL-2.0-or-later
"""Schema 1 is kept to the letter, and no byte of a name is lost."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.grouping import Key, SortKey
from immapscope.kernel.words import Operation
from immapscope.outputs.json import timestamp
from immapscope.outputs.render import Format, render
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS, Inode, Mode, Shard, Snapshot, Sweep
from tests.outputs.strategies import key_lists, name_bytes, snapshots
from tests.synthetic import LIBC, exec_storm, free_row, machine, snapshot_of

MEASURES = [
    "acquisitions",
    "contended",
    "interrupted",
    "wait_seconds",
    "spin_seconds",
    "wait_seconds_max",
    "hold_seconds",
    "wait_buckets",
]


def document(
    snapshot: Snapshot, keys: tuple[Key, ...] | None = None, top: int | None = None
) -> Any:
    return json.loads(render(snapshot, format=Format.JSON, keys=keys, top=top))


def test_every_key_of_the_schema_is_there_in_its_order() -> None:
    storm = replace(exec_storm(), sweeps=(Sweep(LIBC, 3, 200_000_000),))
    found = document(storm)
    assert list(found) == [
        *("schema", "kernel", "mode", "started", "duration_seconds", "by", "rows", "shards"),
        *("sweeps", "loss", "entered", "in_flight", "boundary", "totals"),
        *("tree_operations", "notes", "command"),
    ]
    assert found["schema"] == 1
    assert list(found["kernel"]) == [
        *("release", "layout", "shards", "shard_policy", "attach", "nodes", "cpus"),
        "learnt_from",
    ]
    assert list(found["rows"][0]) == [
        *("inode", "shard", "node", "holder_kind", "holder_node", "operation", "cause"),
        *MEASURES,
    ]
    assert list(found["rows"][0]["inode"]) == [
        *("device", "number", "generation", "name", "path", "deleted")
    ]
    assert list(found["shards"][0]) == [
        *("inode", "shard", "home_node", "vmas", "inserts", "inserts_after", "removes"),
        *("contended", "wait_seconds"),
    ]
    assert found["sweeps"][0].items() >= {"count": 3, "wait_seconds": 0.2}.items()
    assert found["loss"]["exit_missed"] == {"unit": "waits", "count": 3, "upper_bound": False}
    assert list(found["entered"]) == list(found["in_flight"]) == ["acquisitions", "waits"]
    assert list(found["totals"]) == [
        *("acquisitions", "failed_trylocks", "contended", "interrupted", "wait_seconds"),
        *("execs", "forks"),
    ]


@given(snapshots, key_lists)
def test_a_key_not_grouped_by_is_absent(snapshot: Snapshot, keys: tuple[Key, ...]) -> None:
    found = document(snapshot, keys)
    assert found["by"] == [key.value for key in keys]
    fields = {key.value for key in keys} - {"holder"}
    if Key.HOLDER in keys:
        fields |= {"holder_kind", "holder_node"}
    for row in found["rows"]:
        assert set(row) - set(MEASURES) == fields


@given(snapshots, key_lists, st.none() | st.integers(0, 3))
def test_rows_sum_to_the_totals(snapshot: Snapshot, keys: tuple[Key, ...], top: int | None) -> None:
    found = document(snapshot, keys, top)
    for field in ("contended", "interrupted"):
        assert sum(row[field] for row in found["rows"]) == found["totals"][field]
    waited = sum(row["wait_seconds"] for row in found["rows"])
    assert waited == pytest.approx(found["totals"]["wait_seconds"])
    if snapshot.mode is Mode.FULL:
        acquisitions = sum(row["acquisitions"] or 0 for row in found["rows"])
        assert acquisitions == found["totals"]["acquisitions"]


@given(name_bytes)
def test_the_bytes_of_any_name_come_back(name: bytes) -> None:
    inode = Inode("254:0", 1, 0, os.fsdecode(name), os.fsdecode(b"/srv/" + name))
    text = render(snapshot_of([free_row(inode, 0, Operation.INSERT, 1, 1)]), format=Format.JSON)
    assert text.isascii()
    assert text.index("\n") == len(text) - 1
    found = json.loads(text)["rows"][0]["inode"]
    assert os.fsencode(found["name"]) == name
    assert os.fsencode(found["path"]) == b"/srv/" + name


@given(name_bytes)
def test_the_bytes_of_what_was_run_come_back(word: bytes) -> None:
    storm = replace(exec_storm(), command=("sh", os.fsdecode(word)))
    text = render(storm, format=Format.JSON)
    assert text.isascii()
    assert [os.fsencode(one) for one in json.loads(text)["command"]] == [b"sh", word]


def test_where_nothing_was_run_no_command_is_known() -> None:
    assert document(exec_storm())["command"] is None


def test_contention_mode_does_not_call_zero_what_it_did_not_measure() -> None:
    found = document(snapshot_of(exec_storm().rows, mode=Mode.CONTENTION))
    assert found["mode"] == "contention"
    assert {row["acquisitions"] for row in found["rows"]} == {None}
    assert {row["hold_seconds"] for row in found["rows"]} == {None}
    assert found["totals"]["acquisitions"] is None
    assert found["totals"]["failed_trylocks"] is None
    assert found["entered"]["acquisitions"] is None


def test_the_histogram_has_one_count_more_than_bounds() -> None:
    histogram = document(exec_storm())["rows"][0]["wait_buckets"]
    assert len(histogram["count"]) == len(histogram["le"]) + 1
    assert histogram["le"][0] == 256e-9
    assert len(histogram["le"]) == len(WAIT_BUCKET_BOUNDS_NS)
    (waited,) = [index for index, count in enumerate(histogram["count"]) if count]
    assert histogram["le"][waited - 1] < 0.0055 <= histogram["le"][waited]


def test_the_rest_has_null_keys_and_says_how_many_rows_it_is_of() -> None:
    found = document(exec_storm(), top=2)
    rest = found["rows"][-1]
    assert rest["rest_of"] == 5
    assert {rest[key] for key in ("inode", "shard", "node", "operation", "cause")} == {None}
    assert all("rest_of" not in row for row in found["rows"][:-1])


def test_a_shard_of_unknown_home_says_null() -> None:
    snapshot = replace(exec_storm(), shards=(Shard(None, None, None, None, 1, 0, 0, 0, 0),))
    (shard,) = document(snapshot)["shards"]
    assert [shard[key] for key in ("inode", "shard", "home_node", "vmas")] == [None] * 4


def test_seconds_give_back_their_nanoseconds() -> None:
    for ns in (1, 333, 999_999_999, 10**15 + 7):
        found = document(snapshot_of([free_row(LIBC, 0, Operation.INSERT, 1, ns)]))
        assert round(found["rows"][0]["hold_seconds"] * 1e9) == ns


def test_started_is_utc_whatever_the_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert timestamp(datetime(2026, 6, 11, 18, 0, 15, 5, tzinfo=zone)) == (
        "2026-06-11T12:30:15.000005Z"
    )


def test_rows_come_sorted() -> None:
    text = render(machine(files=3, nodes=2), format=Format.JSON, sort=SortKey.CONTENDED)
    contended = [row["contended"] for row in json.loads(text)["rows"]]
    assert contended == sorted(contended, reverse=True)
