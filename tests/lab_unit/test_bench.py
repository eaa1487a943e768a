# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a measurement become ratios of pairs, and a cost that grew is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.bench import __main__ as bench
from lab.bench import results
from lab.bench.guest import measure

COUNTS = {"exec": 100}


def one(contender: str, bare: int, under: int, **told: float) -> dict[str, Any]:
    return {
        "contender": contender,
        "round": 0,
        "bare": {"exec": bare},
        "under": {"exec": under},
        "told": told,
    }


MEASURED = [
    one("full-empty", 1000, 1100),
    one("full", 1000, 1150, kernel_bytes=5e6),
    one("full-empty", 1000, 1102),
    one("full", 2000, 2320, kernel_bytes=5e6),
    {"contender": "perf", "round": 0, "bare": {"exec": 1}, "failed": "no such\nprogram"},
]


def test_a_ratio_is_of_its_own_pair() -> None:
    _, full, _ = results.contenders(MEASURED, COUNTS)
    assert full.ratios["exec"].low == pytest.approx(1.15)
    assert full.ratios["exec"].high == pytest.approx(1.16)
    assert full.ratios["exec"].median == pytest.approx(1.155)
    # (150 + 320) / 2 for 100 execs.
    assert full.added["exec"] == pytest.approx(2.35)
    assert full.told == {"kernel_bytes": 5e6}


def test_what_empty_programs_add_is_the_measure() -> None:
    found = results.contenders(MEASURED, COUNTS)
    assert results.above_empty(found, "exec") == {"full": pytest.approx(2.35 / 1.01)}


def test_who_failed_has_no_figure_and_says_why() -> None:
    (*_, perf) = results.contenders(MEASURED, COUNTS)
    assert (perf.ratios, perf.failed) == ({}, "no such\nprogram")
    (*_, line) = bench.table([perf], ("exec",), "ns")
    assert "program" in line


def test_many_pairs_give_an_interval_that_holds_their_median() -> None:
    found = results.ratio([(100.0, 100.0 + n) for n in range(1, 12)])
    assert found.pairs == 11
    assert found.median == pytest.approx(1.06)
    assert 1.01 <= found.low < found.median < found.high <= 1.11


def test_every_line_of_the_table_has_a_cell_for_each_column() -> None:
    lines = list(bench.table(results.contenders(MEASURED, COUNTS), ("exec",), "ns"))
    assert len({line.count("|") for line in lines}) == 1


def test_fixedwork_is_read_among_other_lines() -> None:
    assert measure.elapsed("Tracing...\nexec 123\n\nmmap 7\nwaits 3 4\n") == {
        "exec": 123,
        "mmap": 7,
    }


@pytest.mark.parametrize(("grown", "status"), [(1.09, 0), (1.11, 1)])
def test_a_session_that_costs_a_tenth_more_is_told(
    grown: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    committed = tmp_path / "committed.json"
    committed.write_text(json.dumps({"full": 1.5}))
    monkeypatch.setattr(bench, "COMMITTED", committed)

    def measured(
        kernel: str, names: Sequence[str], counts: Mapping[str, int], rounds: int, *, counted: bool
    ) -> list[Any]:
        return [
            {**one("full-empty", 1000, 1100), "under": dict.fromkeys(counts, 1100)},
            {**one("full", 1000, 1), "under": dict.fromkeys(counts, 1000 + 150 * grown)},
        ]

    def with_every_work(*given: Any, **named: Any) -> list[Any]:
        return [
            {**one_, "bare": dict.fromkeys(bench.COUNTED, 1000)}
            for one_ in measured(*given, **named)
        ]

    monkeypatch.setattr(bench, "measure", with_every_work)
    assert bench.main(["--quick"]) == status
    printed = capsys.readouterr()
    assert ("grown: full" in printed.err) == bool(status)
    assert f"{1 - status} passed, {status} failed" in printed.out
