# SPDX-License-Identifier: GPL-2.0-or-later
"""The rate of recording: what the guest does, what does not add up, and what the page is given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import cli, recording_rate
from lab.pages import check
from lab.recording_rate import STORMS, Recorded, wrong

Json = dict[str, Any]

#: Of each of two CPUs.
COUNT = 100


def report(**changed: Any) -> Json:
    """400 changes were made, 30 of which found no room, as did 20 acquisitions, 5 that waited."""

    def shard(name: str | None, count: int) -> Json:
        inode = None if name is None else {"name": name}
        return {"inode": inode, "inserts": count, "inserts_after": 0, "removes": count}

    return {
        "kernel": {"cpus": 2, "nodes": 1, "release": "6.12.48+deb13-amd64"},
        "started": "2026-11-30T09:10:11.5Z",
        "duration_seconds": 2.0,
        "shards": [shard("mapped-0", 90), shard("mapped-1", 95), shard("libc.so.6", 7),
                   shard(None, 1)],
        "totals": {"acquisitions": 410, "failed_trylocks": 2, "contended": 40, "interrupted": 1},
        "entered": {"acquisitions": 435, "waits": 48},
        "in_flight": {"acquisitions": 3, "waits": 2},
        "loss": {
            "ring_full": {"unit": "acquisitions", "count": 20, "upper_bound": False},
            "ring_full_waits": {"unit": "waits", "count": 5, "upper_bound": False},
            "ring_full_tree_operations": {
                "unit": "tree_operations", "count": 30, "upper_bound": False,
            },
        },
        **changed,
    }  # fmt: skip


def problems(**changed: Any) -> list[str]:
    return list(wrong(Recorded(report(**changed), 9000), COUNT))


def test_rows_and_loss_are_what_entered() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"entered": {"acquisitions": 436, "waits": 48}},
         "436 acquisitions entered, rows, loss and those in flight are 435"),
        ({"entered": {"acquisitions": 435, "waits": 47}},
         "47 waits entered, rows, loss and those in flight are 48"),
        ({"shards": []},
         "400 changes of trees were made, 0 have rows and the rest is not lost"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_told(changed: Json, why: str) -> None:
    assert problems(**changed) == [why]


def test_more_changes_than_the_tasks_made_do_not_add_up() -> None:
    (why,) = wrong(Recorded(report(), 9000), COUNT - 10)
    assert why == "360 changes of trees were made, 370 have rows and the rest is not lost"


def test_what_never_entered_is_missed_too() -> None:
    """Where entry itself was missed both sides of the law are short."""
    totals = {"acquisitions": 310, "failed_trylocks": 2, "contended": 40, "interrupted": 1}
    (why,) = problems(totals=totals, entered={"acquisitions": 335, "waits": 48})
    assert why == "400 acquisitions were asked for, 335 entered"


def test_what_the_kernel_skipped_may_be_missing() -> None:
    skipped = {"unit": "acquisitions", "count": 2, "upper_bound": True}
    loss = {**report()["loss"], "recursion": skipped}
    entered = {"acquisitions": 437, "waits": 48}
    assert problems(loss=loss, entered=entered) == []
    assert problems(loss=loss, entered={"acquisitions": 438, "waits": 48}) != []


def test_a_row_of_the_table() -> None:
    """410 + 2 + 1 of locks and 386 of trees in two seconds."""
    line = list(recording_rate.table({STORMS[1]: Recorded(report(), 7990)}))[-1]
    assert line == "| a file each | 1 MB | 799 | 400 | 10.0 | 20 | 5 | 30 | 435 |"


def test_every_cpu_maps_as_often_in_each_storm() -> None:
    lines = recording_rate.work("2x2", 500).split(" && ")
    assert lines[0] == "truncate -s 32K mapped mapped-0 mapped-1 mapped-2 mapped-3"
    assert len(lines) == 1 + len(STORMS)
    for line in lines[1:]:
        tasks = re.findall(r"\./treeops (\d) (\S+) map 500 &", line)
        assert [cpu for cpu, _ in tasks] == ["0", "1", "2", "3"]
        assert len({file for _, file in tasks}) in (1, 4)
    buffers = re.findall(r"--buffer (\d+) ", " ".join(lines))
    assert buffers == ["32", "1", "32", "1"]


Main = Callable[..., int]


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Main:
    """The command, with recordings that tell what a report of them would, and a page of our own."""
    page = tmp_path / "recording.md"
    page.write_text(recording_rate.PAGE.read_text())
    monkeypatch.setattr(recording_rate, "PAGE", page)
    monkeypatch.setattr(recording_rate, "reported", lambda file: json.loads(file.read_text()))
    monkeypatch.setattr("lab.workloads.build.build", lambda name: tmp_path / name)

    def run(*words: str, **changed: Any) -> int:
        def boot(told: Sequence[str]) -> int:
            out = Path(told[told.index("--out") + 1])
            for storm in STORMS:
                (out / storm.recording).write_text(json.dumps(report(**changed)))
            return 0

        monkeypatch.setattr(cli, "main", boot)
        return recording_rate.main(["--count", str(COUNT), *words])

    return run


def test_what_is_printed_is_what_is_written(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--write") == 0
    page = recording_rate.PAGE.read_text()
    part = page.partition("<!-- rate -->")[2].partition("<!-- end -->")[0]
    assert part.strip() == capsys.readouterr().out.strip()
    assert part.strip().startswith("100 mappings on each CPU. 1 nodes, 2 CPUs, Linux 6.12.48+deb13")


def test_what_does_not_add_up_is_not_written(
    main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recording_rate.PAGE.read_text()
    assert main("--write", shards=[]) == 1
    assert recording_rate.PAGE.read_text() == before
    assert "one file, 1 MB: 400 changes of trees were made" in capsys.readouterr().err


def test_a_guest_that_fails_is_no_figure(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 124)
    assert recording_rate.main([]) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "recording_rate: the storms on stock-6.12 ended with status 124\n"


def test_the_page_has_a_place_for_it() -> None:
    check(recording_rate.PAGE, ["rate"])
