# SPDX-License-Identifier: GPL-2.0-or-later
"""The page on sharding: what is taken from answers, and that it has a place for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import sharding
from lab.errors import LabError
from lab.pages import put


def answer(*policies: str) -> dict[str, Any]:
    return {
        "predictions": [
            {
                "policy": policy, "trees": 4, "wait_seconds_per_exec": 0.002 * (number + 1),
                # What nothing is beside has no ratio.
                "ratio": 0.5 if number else None,
                "ratio_interval": [0.4, 0.6] if number else None,
                "sweep_wait_seconds": 0.3, "sweeps": 3,
                "remote_handovers": None, "imbalance": 1.5, "most_execs_per_second": 12345.6,
                "bytes_per_inode": 2312,
            }
            for number, policy in enumerate(policies)
        ]
    }  # fmt: skip


def test_an_answer_is_a_row_for_each_policy() -> None:
    single, node = list(sharding.answer_table(answer("single", "node")))[2:]
    assert single.startswith("| single | 4 | 2 ms | - | - | 1.5 | 100 ms | 12,346 | 2,312 |")
    assert node.startswith("| node | 4 | 4 ms | 0.5 (0.4 to 0.6) |")


def test_the_model_of_what_was_recorded_is_beside_what_was_recorded() -> None:
    told = answer("single")
    told["recorded"] = {"acquisitions": 43538, "wait_seconds": 2.0}
    told["predictions"][0] |= {"wait_seconds": 1.9, "ratio": 0.95, "ratio_interval": [0.9, 1.01]}
    lines = list(sharding.identity_table({"execs": told}))
    assert lines[-1] == "| execs | 43,538 | 2 s | 1.9 s | 0.95 (0.9 to 1.01) |"
    assert len({line.count("|") for line in lines}) == 1


def test_a_knob_is_a_column() -> None:
    answers = {knob: answer(*sharding.POLICIES) for knob in (0.0, 10.0)}
    head, _, first, *_ = sharding.sensitivity(answers, "walks", sharding.per_exec)
    assert head == "| policy | walks x 0 | walks x 10 |"
    assert first == "| single | 2 ms | 2 ms |"


def test_the_page_has_a_place_for_everything() -> None:
    page = sharding.PAGE.read_text()
    for machine in sharding.MACHINES:
        for mark in (machine.name, f"{machine.name}: walks", f"{machine.name}: prices"):
            assert "\n\nnew\n\n" in put(page, mark, iter(["new"]))
    assert "\n\nnew\n\n" in put(page, "identity", iter(["new"]))
    with pytest.raises(LabError, match="no place for other"):
        put(page, "other", iter([]))


def test_each_recording_is_replayed_as_it_was_recorded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def ask(recording: Path, policies: Sequence[str], *options: str) -> dict[str, Any]:
        asked.append((recording.name, "--scale-cpus" in options))
        told = answer(*policies)
        told["recorded"] = {
            "acquisitions": 1000, "wait_seconds": 2.0, "contended": 10, "duration_seconds": 20.0,
            "execs": 5, "vmas": 9, "vmas_of_unknown_shard": 0,
        }  # fmt: skip
        told["kernel"] = {"cpus": 8, "nodes": 4}
        for one in told["predictions"]:
            one |= {"wait_seconds": 2.0, "acquisitions": 1000}
        return told

    page = tmp_path / "which-sharding.md"
    page.write_text(sharding.PAGE.read_text())
    monkeypatch.setattr(sharding, "PAGE", page)
    monkeypatch.setattr(sharding, "ask", ask)
    assert sharding.main(["--recordings", "execs.parquet", "walked.parquet"]) == 0
    assert {("execs.parquet", False), ("walked.parquet", False)} < set(asked)
    identity = page.read_text().partition("<!-- identity -->")[2].partition("<!-- end -->")[0]
    assert identity.strip() == capsys.readouterr().out.strip()
    assert [line.split()[1] for line in identity.split("\n") if line[:2] == "| "] == [
        "recording", "---", "execs", "a",
    ]  # fmt: skip


def test_what_was_there_before_is_replaced() -> None:
    page = "a\n<!-- x -->\n\nold\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    once = put(page, "x", iter(["new"]))
    assert once == "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    assert put(once, "x", iter(["new"])) == once
