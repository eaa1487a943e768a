# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicted beside measured: what is taken from reports and answers, and what the page is given."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import cli, predict, predict_execs
from lab.errors import LabError
from lab.pages import check, circumstances
from lab.predict import DESIGNS, Measured, measured


def inode(name: str) -> dict[str, Any]:
    return {"name": name}


REPORT: dict[str, Any] = {
    "rows": [
        {
            "inode": inode("hot"),
            "wait_seconds": 0.5,
            "operation": "insert",
            "shard": 0,
            "hold_seconds": 0.6,
        },
        {
            "inode": inode("hot"),
            "wait_seconds": 0.25,
            "operation": "walk",
            "shard": 0,
            "hold_seconds": 9.0,
        },
        {
            "inode": inode("hot"),
            "wait_seconds": 0.0,
            "operation": "insert",
            "shard": None,
            "hold_seconds": 0.6,
        },
        {
            "inode": inode("libc.so.6"),
            "wait_seconds": 9.0,
            "operation": "insert",
            "shard": 0,
            "hold_seconds": 9.0,
        },
        {
            "inode": None,
            "wait_seconds": 9.0,
            "operation": "insert",
            "shard": 0,
            "hold_seconds": 9.0,
        },
    ],
    "shards": [
        {"inode": inode("hot"), "inserts": 10, "inserts_after": 1, "removes": 9},
        {"inode": inode("hot"), "inserts": 5, "inserts_after": 0, "removes": 5},
        {"inode": inode("libc.so.6"), "inserts": 99, "inserts_after": 0, "removes": 0},
    ],
}


def test_only_the_hot_file_is_measured() -> None:
    found = measured(REPORT)
    assert found == Measured(0.75e9, 30, 0.6e9)
    assert found.ms_per_change == pytest.approx(25)
    assert not found.is_disturbed
    assert Measured(0.75e9, 30, 0.615e9).is_disturbed


@pytest.mark.parametrize("disturbed", [1, predict.AGAIN])
def test_only_a_run_whose_holds_were_longer_is_made_again(
    disturbed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run is disturbed so many times, the first never."""
    asked: list[list[int]] = []

    def run(kernel: str, append: str, topology: str, observers: dict[int, str], into: Path) -> None:
        asked.append(list(observers))
        for number, observer in observers.items():
            held = 0.7 if number == 2 and len(asked) <= disturbed else 0.6
            row = {**REPORT["rows"][0], "hold_seconds": held}
            (into / observer.rpartition("/")[2]).write_text(json.dumps({**REPORT, "rows": [row]}))

    monkeypatch.setattr(predict, "run", run)
    files = {1: tmp_path / "cpu-1.json", 2: tmp_path / "cpu-2.json"}
    if disturbed < predict.AGAIN:
        predict.measure("split", "i_mmap_shards=cpu", "4x2", files)
    else:
        with pytest.raises(LabError, match="longer than 20 ms by more than 2%: something else"):
            predict.measure("split", "i_mmap_shards=cpu", "4x2", files)
    assert asked == [[1, 2], *[[2]] * min(disturbed, predict.AGAIN - 1)]


def test_the_error_is_that_of_the_prediction() -> None:
    prediction = {"wait_seconds": 1.5, "wait_seconds_interval": [1.2, 1.8]}
    runs = [Measured(0.6e9, 30, 0.6e9), Measured(0.9e9, 30, 0.6e9)]
    lines = list(predict.table(Measured(6e9, 30, 0.6e9), {"node": (prediction, runs)}))
    assert lines[-1] == "| node | 50.00 ms (40.00-60.00) | 25.00 ms | 20.00, 30.00 | +100 % |"


def test_a_guest_is_told_to_hold_asleep() -> None:
    command = predict.work("4x2", {0: "trace", 1: "trace again"})
    assert "echo 20000 > /sys/module/interval_tree/parameters/hold_us" in command
    assert command.endswith("0 1 2 3 4 5 6 7")
    assert "SEED=0 trace -- ./sleepers hot" in command
    assert "SEED=1 trace again -- ./sleepers hot" in command


def test_the_page_has_a_place_for_either_command_and_topology() -> None:
    check(predict.PAGE, [f"{name}, {size}" for name in COMMANDS for size in ("4x2", "12x2")])


class Booted:
    """In place of guests: which kernels were booted, with which policy, and what they were told."""

    def __init__(self) -> None:
        self.kernels: list[tuple[str, str]] = []
        self.scripts: list[str] = []

    def __call__(self, words: Sequence[str]) -> int:
        append = words[words.index("--append") + 1] if "--append" in words else ""
        self.kernels.append((words[words.index("--kernel") + 1], append))
        self.scripts.append(words[-1])
        out = Path(words[words.index("--out") + 1])
        for name in re.findall(r"--output \$OUT/(\S+)", words[-1]):
            (out / name).write_text(json.dumps(WHOLE))
        return 0


WHOLE: dict[str, Any] = {
    "kernel": {"nodes": 4, "cpus": 8, "release": "6.12.118-single"},
    "started": "2026-11-27T09:10:11.5Z",
    "duration_seconds": 40.0,
    "rows": [
        {**row, "shard": shard, "hold_seconds": 0.6}
        for row, shard in zip(REPORT["rows"], (0, 0, None, 3, 4), strict=True)
    ],
    "shards": REPORT["shards"],
    "totals": {"execs": 1600, "wait_seconds": 16.0},
}


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Booted:
    """Recordings of which everything is the same, and a page of our own."""
    found = Booted()
    page = tmp_path / "whatif.md"
    page.write_text(predict.PAGE.read_text())
    guess = {"wait_seconds": 24.0, "wait_seconds_interval": [20.0, 28.0]}
    for module in (predict, predict_execs):
        monkeypatch.setattr(module, "reported", lambda recording: WHOLE)
        monkeypatch.setattr(module, "predicted", lambda _, policies: dict.fromkeys(policies, guess))
    monkeypatch.setattr(predict, "PAGE", page)
    monkeypatch.setattr(cli, "main", found)
    monkeypatch.setattr("lab.workloads.build.build", lambda name: tmp_path / name)
    return found


COMMANDS = {"predict": predict, "predict_execs": predict_execs}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_printed_is_what_is_written(
    name: str, booted: Booted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict.command(name, None, COMMANDS[name].compare, ["--write"]) == 0
    page = predict.PAGE.read_text()
    part = page.partition(f"<!-- {name}, 4x2 -->")[2].partition("<!-- end -->")[0]
    assert part.strip() == capsys.readouterr().out.strip()
    assert circumstances(WHOLE) in part
    rows = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| ")]
    assert rows == ["| policy", "| ---", "| single", *(f"| {policy}" for policy in DESIGNS)]
    assert booted.kernels == [("single", ""), *DESIGNS.values()]
    work = {one for script in booted.scripts for one in re.findall(r" -- (\./[^&]+)", script)}
    assert len({one.strip() for one in work}) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_without_a_place_is_told_before_anything_boots(
    name: str, booted: Booted, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--write", "--topology", "3x1"]
    assert predict.command(name, None, COMMANDS[name].compare, words) == cli.FAILED
    assert booted.kernels == []
    assert capsys.readouterr().err == f"{name}: the page has no place for {name}, 3x1\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_guest_that_fails_is_no_figure(
    name: str, booted: Booted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = predict.PAGE.read_text()
    monkeypatch.setattr(cli, "main", lambda words: 124)
    assert predict.command(name, None, COMMANDS[name].compare, ["--write"]) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "on single ended with status 124" in captured.err
    assert predict.PAGE.read_text() == before


def test_an_exec_waits_and_is_held_for_what_all_files_were() -> None:
    """Half of the wait; of holds those of trees, not those of a lock over all of them."""
    seen = predict_execs.measured(WHOLE)
    assert (seen.wait_ms, seen.execs) == (10.0, 1600)
    assert seen.held_ms == pytest.approx(1.5)
    guess = {"wait_seconds": 8.0, "wait_seconds_interval": [6.0, 12.0]}
    assert list(predict_execs.table(seen, {"cpu": (guess, seen)}))[-1] == (
        "| cpu | 5 ms (3.75-7.5) | 10 ms | -50 % | 1.5 ms | 40 |"
    )


def test_who_waited_for_nothing_has_no_error() -> None:
    never = predict_execs.measured({**WHOLE, "totals": {"execs": 1600, "wait_seconds": 0.0}})
    guess = {"wait_seconds": 0.0, "wait_seconds_interval": [0.0, 0.0]}
    (line,) = list(predict_execs.table(never, {"cpu": (guess, never)}))[2:]
    assert line == "| cpu | 0 ms (0-0) | 0 ms | - | 1.5 ms | 40 |"


def test_work_that_is_not_whole_is_not_compared() -> None:
    with pytest.raises(LabError, match="of 1600 execs only 1599 were recorded"):
        predict_execs.measured({**WHOLE, "totals": {"execs": 1599, "wait_seconds": 1.0}})
