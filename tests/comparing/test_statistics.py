# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of two lists of runs: ratio, interval, size of the effect, and what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.comparing.ranks import ALPHA, least_runs
from immapscope.comparing.statistics import difference

RUNS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=8)


@given(RUNS)
@settings(deadline=None, max_examples=50)
def test_a_side_is_no_different_from_itself(runs: list[float]) -> None:
    found = difference(runs, runs, paired=False, seed=1)
    assert found.ratio == pytest.approx(1)
    assert found.effect == 0
    assert found.p is None or found.p > 0.9


@given(RUNS, st.floats(0.1, 10))
@settings(deadline=None, max_examples=50)
def test_so_many_times_the_waiting_is_that_ratio(runs: list[float], scale: float) -> None:
    found = difference(runs, [scale * run for run in runs], paired=False, seed=1)
    assert found.ratio == pytest.approx(scale)


def test_beside_a_side_without_waiting_there_is_no_ratio() -> None:
    found = difference([0.0] * 5, [1.0] * 5, paired=False, seed=1)
    assert (found.ratio, found.interval) == (None, None)
    assert found.p == pytest.approx(2 / 252)
    assert found.effect == 1


def test_what_sets_in_is_shown_by_the_rarest_outcome() -> None:
    level = ALPHA / 10
    found = difference([0.0] * 5, [1.0, 2, 3, 4, 5], paired=False, seed=1, level=level)
    assert not found.decidable
    assert found.needed == found.least == least_runs(False, level) == 6


def test_where_some_runs_waited_nothing_the_lower_end_is_known() -> None:
    # One resample of A in three has none of its waits.
    found = difference([0.0, 0, 0, 0, 0.001], [5.0, 6, 7, 8, 9], paired=False, seed=1)
    assert found.interval is not None
    low, high = found.interval
    assert high is None
    assert 1000 < low < (found.ratio or 0)


def test_resamples_in_which_neither_waited_widen_the_interval() -> None:
    found = difference([0.0, 0, 0, 1], [0.0, 0, 0, 1], paired=False, seed=1)
    assert found.interval == (0, None)


def test_a_side_that_does_not_know_leaves_the_other_ones_mean() -> None:
    found = difference([], [1.0, 3.0], paired=True, seed=1)
    assert (found.mean_a, found.mean_b) == (None, 2)
    assert (found.ratio, found.p, found.effect, found.needed) == (None, None, None, None)


def test_pairs_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="pairs"):
        difference([1.0], [1.0, 2.0], paired=True, seed=1)


def test_resampling_is_the_same_each_time() -> None:
    a, b = [1.0, 2, 3, 4], [2.0, 3, 4, 9]
    assert difference(a, b, False, 5).interval == difference(a, b, False, 5).interval
