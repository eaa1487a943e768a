# SPDX-License-Identifier: GPL-2.0-or-later
"""The rank test is exact, ties and all, and calls no difference what is none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from immapscope.comparing.ranks import ALPHA, MOST_COUNTED, effect, least_p, least_runs, rank_test
from tests.comparing.drawn import called

#: Few values, so that many are alike.
TIED = st.lists(st.integers(0, 3).map(float), min_size=4, max_size=6)


@pytest.mark.parametrize(
    ("runs", "paired", "scatter"),
    [
        # Ranks are the same however far apart values are; those of differences in pairs are not.
        *((runs, False, 0.1) for runs in (4, 5, 10)),
        *((6, True, scatter) for scatter in (0.03, 0.1, 0.3)),
    ],
)
def test_two_sides_of_one_kernel_show_no_difference(
    runs: int, paired: bool, scatter: float
) -> None:
    # 400 trials at 5 % come to 7.7 % once in a hundred times; seeds are fixed.
    assert called(400, runs, 1.0, scatter, paired, seed=1) <= ALPHA + 0.02


@given(TIED, TIED)
@settings(deadline=None, max_examples=30)
def test_of_two_sides_every_way_to_deal_them_out_is_counted(
    a: Sequence[float], b: Sequence[float]
) -> None:
    ranks = stats.rankdata([*a, *b])
    middle = len(a) * (len(ranks) + 1) / 2
    far = abs(ranks[: len(a)].sum() - middle)
    ways = [abs(sum(way) - middle) >= far - 1e-9 for way in combinations(ranks, len(a))]
    assert rank_test(a, b, paired=False) == pytest.approx(sum(ways) / len(ways))


@given(st.lists(st.integers(-3, 3).map(float), min_size=6, max_size=8))
@settings(deadline=None, max_examples=30)
def test_of_pairs_every_way_to_swap_them_is_counted(apart: Sequence[float]) -> None:
    ranks = stats.rankdata([abs(one) for one in apart if one])
    middle = sum(ranks) / 2
    far = abs(sum(rank for rank, one in zip(ranks, filter(None, apart), strict=True) if one > 0)
              - middle)  # fmt: skip
    ways = [
        abs(sum(rank for rank, above in zip(ranks, way, strict=True) if above) - middle)
        >= far - 1e-9
        for way in product((False, True), repeat=len(ranks))
    ]
    assert rank_test([0.0] * len(apart), apart, paired=True) == pytest.approx(sum(ways) / len(ways))


@pytest.mark.parametrize("runs", [6, 9, 20, MOST_COUNTED // 2, MOST_COUNTED])
def test_it_is_the_usual_test_where_nothing_is_alike(runs: int) -> None:
    random = np.random.default_rng(runs)
    a, b = random.random(runs).tolist(), (0.1 + random.random(runs)).tolist()
    usual = stats.mannwhitneyu(a, b, method="exact").pvalue
    # Beyond what is counted, by the normal distribution.
    assert rank_test(a, b, paired=False) == pytest.approx(usual, rel=0.02)
    in_pairs = stats.wilcoxon(a, b, method="exact").pvalue
    assert rank_test(a, b, paired=True) == pytest.approx(in_pairs, rel=0.02)


def test_many_pairs_go_by_the_normal_distribution() -> None:
    random = np.random.default_rng(1)
    a, b = random.random(MOST_COUNTED + 1), random.random(MOST_COUNTED + 1)
    expected = stats.wilcoxon(a, b, method="asymptotic").pvalue
    assert rank_test(a.tolist(), b.tolist(), paired=True) == pytest.approx(expected)


def test_runs_that_are_alike_show_no_more_than_others_do() -> None:
    # The usual formula for ties says 0.013, and no four runs can show that.
    assert rank_test([0.0] * 4, [1.0] * 4, paired=False) == pytest.approx(2 / 70)


@pytest.mark.parametrize(
    ("a", "b", "paired"),
    [([1.0], [9.0], False), ([1.0, 1, 1], [9.0, 9, 9], False), ([1.0] * 5, [9.0] * 5, True)],
)
def test_too_few_runs_show_nothing(a: Sequence[float], b: Sequence[float], paired: bool) -> None:
    assert rank_test(a, b, paired) is None


def test_pairs_that_are_all_alike_are_no_difference() -> None:
    assert rank_test([1.0] * 6, [1.0] * 6, paired=True) == 1


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("parts", [1, 3, 10])
def test_the_least_runs_are_those_that_can_show_something(paired: bool, parts: int) -> None:
    few = least_runs(paired, ALPHA / parts)
    a, b = [float(n) for n in range(few)], [100.0 + n * n for n in range(few)]
    found = rank_test(a, b, paired)
    assert found == pytest.approx(least_p(few, few, paired))
    assert (found or 1) <= ALPHA / parts < least_p(few - 1, few - 1, paired)


def test_the_effect_is_how_much_more_often_it_is_above() -> None:
    assert effect([1.0, 2.0], [3.0, 4.0]) == 1
    assert effect([3.0, 4.0], [1.0, 2.0]) == -1
    assert effect([1.0, 3.0], [2.0, 3.0]) == (1 + 1 - 1 + 0) / 4
