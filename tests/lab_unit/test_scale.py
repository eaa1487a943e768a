# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of tests.scale have a place in docs/cost.md."""

from __future__ import annotations

from tests import scale
from tests.scale import Case, Cost


def test_each_case_is_a_line_of_the_table() -> None:
    steps = {"snapshot": Cost(0.5, 120_000_000), "metrics": Cost(1.25, 8_000_000)}
    head, rule, line = scale.table([Case(10_000, 12, 49_152, 31_000_000, steps)])
    assert head == "| files | trees of each | rows | snapshot | metrics | of JSON |"
    assert line == "| 10,000 | 12 | 49,152 | 0.50 s, 120 MB | 1.25 s, 8 MB | 31 MB |"
    assert {head.count("|"), rule.count("|"), line.count("|")} == {7}


def test_what_is_measured_is_done_for_time_and_for_memory() -> None:
    done: list[int] = []

    def do() -> int:
        done.append(len(bytearray(1 << 20)))
        return len(done)

    result, cost = scale.measured(do)
    assert (result, done) == (1, [1 << 20] * 2)
    assert cost.seconds >= 0
    assert cost.most_bytes >= 1 << 20


def test_the_page_has_its_place() -> None:
    assert "<!-- large machine -->" in scale.PAGE.read_text()
