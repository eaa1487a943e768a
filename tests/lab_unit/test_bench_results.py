# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a measurement become ratios of pairs, with intervals that others' figures lie in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bench import pictures, results, tables
from lab.bench.results import Figure, Noise
from tests.lab_unit.benched import failed, one

COUNTS = {"exec": 100}
MEASURED = [
    one("full-empty", 1000, 1100),
    one("full", 1000, 1150, kernel_bytes=5_100_000, acquisitions=70, lost=0),
    one("full-empty", 1000, 1102),
    one("full", 2000, 2320, kernel_bytes=5_100_000, acquisitions=90, lost=3),
    failed("perf", "no such\nprogram"),
]


def test_a_ratio_is_of_its_own_pair() -> None:
    _, full, _ = results.contenders(MEASURED, COUNTS)
    assert full.ratios["exec"].mean == pytest.approx((1.15 * 1.16) ** 0.5)
    assert full.ratios["exec"].pairs == 2
    # (150 + 320) / 2 for 100 execs.
    assert full.added["exec"].mean == pytest.approx(2.35)


def test_what_was_lost_in_one_round_was_lost() -> None:
    _, full, _ = results.contenders(MEASURED, COUNTS)
    assert full.told == {"acquisitions": 80, "kernel_bytes": 5_100_000, "lost": 3}


def test_what_empty_programs_add_is_the_measure() -> None:
    found = results.contenders(MEASURED, COUNTS)
    assert results.above_empty(found, "exec") == {"full": pytest.approx(2.35 / 1.01)}


def test_over_next_to_nothing_there_is_no_ratio() -> None:
    measured = [one("contention-empty", 1000, 1001), one("contention", 1000, 1002)]
    assert results.above_empty(results.contenders(measured, COUNTS), "exec") == {}


def test_who_failed_has_no_figure_and_says_why() -> None:
    (*_, perf) = results.contenders(MEASURED, COUNTS)
    assert (perf.ratios, perf.failed) == ({}, "no such\nprogram")
    (*_, line) = tables.table([perf], ("exec",), "ns")
    assert "program" in line


@pytest.mark.parametrize(("said", "shown"), [("", "failed without a word"), ("a | b", "a / b")])
def test_what_is_told_of_a_failure_is_one_cell(said: str, shown: str) -> None:
    assert results.reason(said) == shown


def test_a_single_pair_is_as_wide_as_runs_with_nothing_differ() -> None:
    among = results.noise([1000, 1010, 1000, 1010])
    assert among is not None
    assert among.deviation == pytest.approx(0.00995, rel=1e-3)
    ratio = results.ratio([(1000, 1500)], among)
    assert ratio.low is not None
    assert ratio.high is not None
    # Student's t of three degrees of freedom.
    assert ratio.high / ratio.mean == pytest.approx(1 + 3.182 * 0.00995, rel=1e-3)
    added = results.added([(1000, 1500)], 100, among)
    assert added.low is not None
    # Both runs of the pair scatter: by the mean of what they take, 1,275.
    assert 5 - added.low == pytest.approx(3.182 * 0.00995 * 12.75, rel=1e-3)


def test_of_a_single_run_nothing_tells_an_interval() -> None:
    assert results.noise([1000]) is None
    ratio = results.ratio([(1000, 1500)], None)
    assert (ratio.low, ratio.high) == (None, None)
    assert ratio.told("{:.3f}") == "1.500"
    assert results.added([(1000, 1500)], 100, None) == Figure(5, None, None, 1)


@given(
    st.lists(st.floats(0.5, 2.0), min_size=2, max_size=20),
    st.builds(Noise, st.floats(0.0, 0.3), st.integers(1, 40)),
)
def test_an_interval_holds_its_mean_and_is_never_narrower_for_noise(
    ratios: list[float], among: Noise
) -> None:
    pairs = [(1000.0, 1000.0 * one) for one in ratios]
    alone, noisy = results.ratio(pairs, None), results.ratio(pairs, among)
    for figure in (alone, noisy):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.mean <= figure.high
    assert (noisy.low or 0) <= (alone.low or 0)
    assert (noisy.high or 0) >= (alone.high or 0)


def test_two_runs_of_the_same_hardly_ever_differ() -> None:
    # What two rounds of ten contenders say, when what runs under one scatters twice as much.
    draw = random.Random(8)

    def run() -> list[results.Contender]:
        measured = [
            one(f"{contender}", draw.gauss(1000, 2), draw.gauss(1100, 4))
            for _ in range(2)
            for contender in range(10)
        ]
        return results.contenders(measured, COUNTS)

    met = [
        (first.ratios["exec"], second.ratios["exec"])
        for _ in range(50)
        for first, second in zip(run(), run(), strict=True)
    ]
    differing = [
        pair for pair in met if max(f.low or 0 for f in pair) > min(f.high or 0 for f in pair)
    ]
    assert len(differing) <= len(met) / 100


def test_runs_with_nothing_stand_beside_each_other() -> None:
    nothing = results.nothing(MEASURED, COUNTS)
    ratio = nothing.ratios["exec"]
    assert ratio.pairs == len(MEASURED) - 1
    assert ratio.low is not None
    assert ratio.low < 0.5 < 2 < (ratio.high or 0)
    assert results.nothing(MEASURED[:1], COUNTS).failed == "a single run"


def test_every_line_of_the_table_has_a_cell_for_each_column() -> None:
    lines = list(tables.table(results.contenders(MEASURED, COUNTS), ("exec",), "ns"))
    assert len({line.count("|") for line in lines}) == 1
    assert lines[3].endswith("| - | 80 acquisitions | 3 | - | 5.1 MB | - |")


def test_an_idle_machine_has_no_ratio_but_what_is_added_in_a_second() -> None:
    measured = [
        {
            "contender": "daemon",
            "bare": {"exec": 1000, "idle": 60_000},
            "under": {"exec": 1000, "idle": 6_060_000},
            "told": {"waits": 0, "skipped": 2, "resident_bytes": 55_000_000},
        }
    ]
    counts = {"exec": 100, "idle": 60}
    head, _, line = tables.table(results.contenders(measured, counts), tuple(counts), "x")
    assert head.startswith("| under | exec | added x per exec | added x per idle second |")
    assert line == "| daemon | 1.000 | 0 | 100,000 | - | 0 waits | - | 2 | - | 55.0 MB |"


def test_a_picture_without_matplotlib_is_a_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    assert not pictures.can_draw()
    (line,) = capsys.readouterr().err.splitlines()
    assert "--from FOLDER --pictures FOLDER" in line
