# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicted beside measured, and the page on sharding: what is taken from reports and answers."""

from __future__ import annotations

from typing import Any

import pytest

from lab import predict, sharding
from lab.errors import LabError
from lab.pages import put
from lab.predict import Measured, measured


def inode(name: str) -> dict[str, Any]:
    return {"name": name}


REPORT = {
    "rows": [
        {"inode": inode("hot"), "wait_seconds": 0.5},
        {"inode": inode("hot"), "wait_seconds": 0.25},
        {"inode": inode("libc.so.6"), "wait_seconds": 9.0},
        {"inode": None, "wait_seconds": 9.0},
    ],
    "shards": [
        {"inode": inode("hot"), "inserts": 10, "inserts_after": 1, "removes": 9},
        {"inode": inode("hot"), "inserts": 5, "inserts_after": 0, "removes": 5},
        {"inode": inode("libc.so.6"), "inserts": 99, "inserts_after": 0, "removes": 0},
    ],
}


def test_only_the_hot_file_is_measured() -> None:
    found = measured(REPORT)
    assert found == Measured(0.75e9, 30)
    assert found.ms_per_change == pytest.approx(25)


def test_the_error_is_that_of_the_prediction() -> None:
    prediction = {"wait_seconds": 1.5, "wait_seconds_interval": [1.2, 1.8]}
    lines = list(predict.table(Measured(6e9, 30), {"node": (prediction, measured(REPORT))}))
    assert lines[-1] == "| node | 50.00 ms (40.00-60.00) | 25.00 ms | +100 % |"


def test_a_guest_is_told_to_hold_asleep() -> None:
    command = predict.work("4x2") % "trace"
    assert "echo 20000 > /sys/module/interval_tree/parameters/hold_us" in command
    assert command.endswith("0 1 2 3 4 5 6 7")
    assert "trace -- ./sleepers hot" in command


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
    with pytest.raises(LabError, match="no place for other"):
        put(page, "other", iter([]))


def test_what_was_there_before_is_replaced() -> None:
    page = "a\n<!-- x -->\n\nold\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    once = put(page, "x", iter(["new"]))
    assert once == "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    assert put(once, "x", iter(["new"])) == once
