# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the designs says what the two reports of each say, and absent is no number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import argument, cli
from lab.argument import Result

LIBC = {"name": "libc.so.6"}


def report(**changes: Any) -> dict[str, Any]:
    """20 s of 4,000 execs with 22 acquisitions each."""
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
    totals = {
        "execs": 4000,
        "forks": 200,
        "acquisitions": 88_000,
        "contended": 47,
        "wait_seconds": 0.4,
    }
    return {
        "kernel": {"shards": 4},
        "duration_seconds": 20.0,
        "rows": rows,
        "shards": shards,
        "totals": totals,
        **changes,
    }


def test_a_row_has_what_the_reports_say() -> None:
    assert argument.row("split, node", Result(report(), report())) == (
        "split, node", "200", "22.0", "0.01", "100 us", "75 %", "3.00", "2000 us",
    )  # fmt: skip


def test_what_nothing_was_seen_of_is_no_number() -> None:
    quiet = report(rows=[], shards=[])
    row = argument.row("split, node", Result(quiet, quiet))
    assert row[5:7] == ("-", "-")


def test_the_table_is_markdown_of_one_width() -> None:
    lines = list(argument.table([("a", *"1234567")]))
    assert len({line.count("|") for line in lines}) == 1
    assert lines[1].count("---:") == 7


def test_every_design_is_booted_and_what_was_reported_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    booted = []

    def boot(words: Sequence[str]) -> int:
        booted.append((words[words.index("--kernel") + 1], "i_mmap_shards" in " ".join(words)))
        out = Path(words[words.index("--out") + 1])
        for name in ("execs", "forks"):
            (out / f"{name}.json").write_text(json.dumps(report()))
        return 0

    monkeypatch.setattr(cli, "main", boot)
    monkeypatch.setattr("lab.argument.build.build", lambda name: tmp_path / name)
    assert argument.main(["--keep", str(tmp_path / "kept")]) == 0
    assert booted == [(kernel, bool(append)) for kernel, append in argument.DESIGNS.values()]
    assert len(list((tmp_path / "kept").iterdir())) == 2 * len(argument.DESIGNS)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 + len(argument.DESIGNS)


def test_a_design_that_cannot_be_measured_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 124)
    monkeypatch.setattr("lab.argument.build.build", lambda name: tmp_path / name)
    assert argument.main([]) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the storms on single ended with status 124" in captured.err
