# SPDX-License-Identifier: GPL-2.0-or-later
"""`whatif`: what it prints, and what it refuses in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from immapscope.recording.header import SlotCounts
from immapscope.recording.schema import Kind
from immapscope.snapshot import Mode
from tests.cli.machines import Command
from tests.cli.test_usage import is_one_line
from tests.whatif.made import acquired, header, inserted, write

CPUS = 8


def storm(path: Path, **changed: Any) -> Path:
    """Eight tasks, each on its CPU of four nodes, that wait for one another."""
    count = 4000
    number = np.arange(count)
    task = number % CPUS
    rows = acquired(
        task=1 + task, asked=2000 * (number // CPUS) + task, hold=np.full(count, 200),
        wait=200 * task, cpu=task, node=task // 2,
    )  # fmt: skip
    tree = inserted(rows, 64 * (number + 1))
    execs = {"time_ns": 2000 * np.arange(100), "task": np.full(100, 1)}
    told = header([cpu // 2 for cpu in range(CPUS)], duration_ns=1_000_000, **changed)
    return write(path, told, {Kind.ACQUISITION: rows, Kind.TREE: tree, Kind.EXEC: execs})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return storm(tmp_path / "storm.parquet")


def test_the_table_says_what_each_would_cost(immapscope: Command, recording: Path) -> None:
    result = immapscope("whatif", recording, "--policy", "node", "--policy", "cpu")
    assert (result.status, result.err) == (0, "")
    assert "recorded: 4,000 acquisitions in 8 chains on 8 CPUs, 4 nodes" in result.out
    assert "0.0 % of 4,000 VMAs are older than the recording" in result.out
    assert "lost: nothing" in result.out
    assert "assumed: thinks between acquisitions and holds last as recorded" in result.out
    lines: dict[str, str] = {}
    for line in result.out.splitlines():
        lines.setdefault(line.partition(" ")[0], line)
    assert lines["node"].endswith("better")
    assert lines["cpu"].endswith("better")
    assert lines["single"].split()[1] == "1"
    assert "of the 2.80 ms that were recorded" in result.out


def test_json_has_the_same(immapscope: Command, recording: Path) -> None:
    result = immapscope("whatif", recording, "--policy", "cpu", "--format", "json")
    document = json.loads(result.out)
    single, cpu = document["predictions"]
    assert document["schema"] == 1
    assert document["recorded"]["acquisitions"] == 4000
    assert document["recorded"]["lost"] == {}
    assert document["machine"] == {"cpus": 8, "nodes": 4, "copies": 1}
    assert (single["policy"], single["ratio_beside"], single["verdict"]) == (
        "single", "recorded", None,
    )  # fmt: skip
    assert single["ratio"] == pytest.approx(1, abs=0.05)
    assert (cpu["trees"], cpu["wait_seconds"], cpu["verdict"]) == (8, 0, "better")
    assert cpu["wait_seconds_per_exec"] == 0
    assert cpu["remote_handovers"] is None
    assert cpu["bytes_per_inode"] == 584


def test_a_larger_machine_says_what_it_assumes(immapscope: Command, recording: Path) -> None:
    result = immapscope(
        "whatif", recording, "--policy", "node", "--scale-cpus", "32", "--scale-nodes", "8",
        "--walk-rate", "2", "--handoff-price", "3",
    )  # fmt: skip
    assert "scaled: 32 CPUs on 8 nodes, 4 times the recorded chains" in result.out
    assert "each walk is done 2.00 times" in result.out
    assert "a hand-over to another node takes 3.00 times as long" in result.out


def test_a_machine_of_other_nodes_is_not_compared_with_what_was_recorded(
    immapscope: Command, recording: Path
) -> None:
    result = immapscope("whatif", recording, "--policy", "node", "--scale-nodes", "2")
    assert "scaled: 8 CPUs on 2 nodes; thinks and holds are taken to last as long" in result.out
    assert "that were recorded" not in result.out
    same = immapscope("whatif", recording, "--policy", "node", "--scale-nodes", "4")
    assert "scaled:" not in same.out
    assert "that were recorded" in same.out


def test_losses_are_told(immapscope: Command, tmp_path: Path) -> None:
    counts = SlotCounts(refused={"acquisition": 5, "tree": 7}, lost={"rows_full": 2})
    path = storm(tmp_path / "lossy", complete=False, slots={1: counts})
    result = immapscope("whatif", path, "--policy", "node")
    assert "lost: the end of the recording, which was not closed" in result.out
    assert "lost: 12 acquisitions and changes that the ring buffer had no room for" in result.out
    assert "lost: 2 events that could not be attributed" in result.out


def test_it_goes_where_it_is_sent(immapscope: Command, recording: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    words = ("--policy", "node", "--format", "json", "--output", output)
    assert immapscope("whatif", recording, *words).status == 0
    assert json.loads(output.read_text())["schema"] == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "Missing argument 'FILE'"),
        (("FILE",), "Missing option '--policy'"),
        (("FILE", "--policy", "nodes"), "unknown policy 'nodes'; known are single, tree-only"),
        (("FILE", "--policy", "\x1b[2J"), "unknown policy"),
        (("FILE", "--policy", "hash"), "say how many trees"),
        (("/nowhere", "--policy", "node"), "'/nowhere' is no recording: No such file"),
        (("FILE", "--policy", "node", "--scale-cpus", "4"), "--scale-cpus 4: not from 8"),
        (("FILE", "--policy", "node", "--scale-nodes", "3"), "do not make 3 equal nodes"),
        (("FILE", "--policy", "node", "--walk-rate", "-1"), "give a number from 0 to 1000"),
        (("FILE", "--policy", "node", "--format", "csv"), "'csv' is not one of 'table', 'json'"),
        (("FILE", "--policy", "node", "--output", "/nowhere/out"), "No such file or directory"),
    ],
)  # fmt: skip
def test_bad_usage_is_one_line_and_2(
    immapscope: Command, recording: Path, words: tuple[str, ...], why: str
) -> None:
    result = immapscope("whatif", *(recording if word == "FILE" else word for word in words))
    assert why in result.err
    assert (result.status, is_one_line(result)) == (2, True)


def test_files_that_are_none_are_one_line_and_2(
    immapscope: Command, recording: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign\n.txt"
    foreign.write_bytes(b"not Parquet at all")
    short = tmp_path / "short"
    short.write_bytes(recording.read_bytes()[:300])
    corrupted = tmp_path / "corrupted"
    corrupted.write_bytes(_damaged(recording.read_bytes()))
    contention = storm(tmp_path / "contention", mode=Mode.CONTENTION)
    kernel = replace(header([0] * CPUS).kernel, layout="split", shards=4)
    split = storm(tmp_path / "split", kernel=kernel)
    for path, why in (
        (foreign, "it is not a Parquet file"),
        (short, "is no recording"),
        (corrupted, "is damaged: row group"),
        (contention, "contention mode, which knows no holds"),
        (split, "layout split with 4 trees a file"),
    ):
        result = immapscope("whatif", path, "--policy", "node")
        assert why in result.err
        assert (result.status, is_one_line(result)) == (2, True)


def _damaged(whole: bytes) -> bytes:
    """With zeros where the first row group's pages are."""
    return whole[:200] + bytes(600) + whole[800:]


def test_without_numba_it_says_what_to_install(
    immapscope: Command, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "immapscope.modules.find_spec", lambda module: None if module == "numba" else module
    )
    result = immapscope("whatif", recording, "--policy", "node")
    assert "pip install 'immapscope[analysis]'" in result.err
    assert (result.status, is_one_line(result)) == (2, True)
