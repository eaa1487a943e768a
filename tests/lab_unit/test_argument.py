# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the designs say what the two reports of each say, and absent is no number."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import argument, cli
from lab.argument import EXECS, FORKS, STORMS, Storm
from lab.pages import circumstances

LIBC = {"name": "libc.so.6"}
FORKED = {"name": "forked"}


def report(**changes: Any) -> dict[str, Any]:
    """20 s of 4,000 execs with 22 acquisitions each, or of 200 forks."""
    rows = [
        {"holder_kind": "writer", "holder_node": 1, "node": 0, "contended": 30},
        {"holder_kind": "writer", "holder_node": 0, "node": 0, "contended": 10},
        {"holder_kind": "reader", "holder_node": None, "node": 0, "contended": 7},
        {"holder_kind": None, "holder_node": None, "node": 3, "contended": 0},
    ]
    shards = [
        {"inode": LIBC, "shard": shard, "inserts": n, "inserts_after": 0, "removes": n}
        for shard, n in ((0, 30), (1, 10), (None, 500))
    ]
    shards += [
        {"inode": FORKED, "shard": shard, "inserts": 0, "inserts_after": n, "removes": n}
        for shard, n in ((0, 9), (1, 9), (2, 9), (3, 9))
    ]
    totals = {
        "execs": 4000,
        "forks": 200,
        "acquisitions": 88_000,
        "contended": 47,
        "wait_seconds": 0.4,
    }
    return {
        "kernel": {"shards": 4, "nodes": 4, "cpus": 8, "release": "6.12.118-split"},
        "started": "2026-11-27T09:10:11.5Z",
        "duration_seconds": 20.0,
        "rows": rows,
        "shards": shards,
        "totals": totals,
        **changes,
    }


def test_a_row_has_what_the_report_of_its_storm_says() -> None:
    assert argument.row("split, node", EXECS, report()) == (
        "split, node", "200", "22.0", "0.01", "100 us", "75 %", "3.00",
    )  # fmt: skip
    assert argument.row("split, node", FORKS, report()) == (
        "split, node", "10", "440.0", "0.23", "2000 us", "75 %", "1.00",
    )  # fmt: skip


@pytest.mark.parametrize("storm", STORMS)
def test_what_nothing_was_seen_of_is_no_number(storm: Storm) -> None:
    totals = {"execs": 0, "forks": 0, "acquisitions": 3, "contended": 0, "wait_seconds": 0.0}
    quiet = report(rows=[], shards=[], totals=totals)
    assert argument.row("single", storm, quiet) == ("single", "0", "-", "-", "-", "-", "-")


def test_both_storms_have_the_same_columns() -> None:
    execs, forks = (" ".join(storm.columns) for storm in STORMS)
    assert execs.replace("exec", "fork").replace("libc.so.6", "forked") == forks


@pytest.mark.parametrize("storm", STORMS)
def test_the_table_is_markdown_of_one_width(storm: Storm) -> None:
    row = argument.row("single", storm, report())
    lines = list(argument.table(storm.columns, [row]))
    assert len({line.count("|") for line in lines}) == 1
    assert lines[1].count("---:") == len(row) - 1 == 6


def test_it_says_where_and_when_it_was_measured() -> None:
    assert circumstances(report()) == (
        f"4 nodes, 8 CPUs, Linux 6.12.118, in guests on {os.cpu_count()} real cores; "
        "27 November 2026."
    )


def columns_of(table: str) -> list[list[str]]:
    lines = re.findall(r"^\| (.*) \|$", table, re.MULTILINE)
    return [line.split(" | ") for line in lines]


@pytest.mark.parametrize("storm", STORMS)
def test_the_page_has_the_columns_and_the_designs_that_are_measured(storm: Storm) -> None:
    page = argument.PAGE.read_text()
    head, _, *rows = columns_of(
        page.partition(f"<!-- {storm.unit} storm -->")[2].partition("<!-- end -->")[0]
    )
    assert head == list(storm.columns)
    assert [row[0] for row in rows] == list(argument.DESIGNS)
    assert {len(row) for row in rows} == {len(head)}


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Kernels that were booted, and whether they were given a policy; each leaves both reports."""
    seen = []

    def boot(words: Sequence[str]) -> int:
        seen.append((words[words.index("--kernel") + 1], "i_mmap_shards" in " ".join(words)))
        out = Path(words[words.index("--out") + 1])
        for name in ("execs", "forks"):
            assert f"$OUT/{name}.json" in words[-1]
            (out / f"{name}.json").write_text(json.dumps(report()))
        return 0

    monkeypatch.setattr(cli, "main", boot)
    monkeypatch.setattr("lab.workloads.build.build", lambda name: tmp_path / name)
    return seen


def test_every_design_is_booted_and_what_was_reported_is_kept(
    booted: list[tuple[str, bool]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert argument.main(["--keep", str(tmp_path / "kept")]) == 0
    assert booted == [(kernel, bool(append)) for kernel, append in argument.DESIGNS.values()]
    assert len(list((tmp_path / "kept").iterdir())) == 2 * len(argument.DESIGNS)
    printed = columns_of(capsys.readouterr().out)
    assert [row[0] for row in printed] == 2 * ["design", "---", *argument.DESIGNS]


@pytest.mark.usefixtures("booted")
def test_what_was_measured_takes_the_place_of_what_the_page_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "argument.md"
    page.write_text(argument.PAGE.read_text())
    monkeypatch.setattr(argument, "PAGE", page)
    assert argument.main(["--write"]) == 0
    text = page.read_text()
    for storm in STORMS:
        part = text.partition(f"<!-- {storm.unit} storm -->")[2].partition("<!-- end -->")[0]
        rows = [argument.row(design, storm, report()) for design in argument.DESIGNS]
        assert part.strip() == "\n".join(argument.table(storm.columns, rows))
    assert circumstances(report()) in text


def test_a_design_that_cannot_be_measured_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 124)
    monkeypatch.setattr("lab.workloads.build.build", lambda name: tmp_path / name)
    assert argument.main([]) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the storms on single ended with status 124" in captured.err
