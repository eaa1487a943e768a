# SPDX-License-Identifier: GPL-2.0-or-later
"""The rank test: whether one list of runs lies above another by more than chance would have it.

It asks nothing of how runs scatter. Runs that waited nothing are alike, and of so few runs the
normal distribution that is usual for ties takes half of the right p: so all ways to deal the values
out are counted, ties and all, which is exact whatever the values are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

#: Of calling a difference what is none.
ALPHA: Final = 0.05
#: Runs of both sides up to which the ways are counted; beyond, a normal distribution is as good.
MOST_COUNTED: Final = 60


def rank_test(a: Sequence[float], b: Sequence[float], paired: bool) -> float | None:
    """Two-sided p of Mann-Whitney, of Wilcoxon where paired; None where it could not be 0.05.

    Pairs that are alike say nothing, and are left out.
    """
    if least_p(len(a), len(b), paired) > ALPHA:
        return None
    # Imported late, as for the bootstrap: it takes half a second, bad sides are told at once.
    from scipy import stats

    if paired:
        apart = np.subtract(b, a)
        apart = apart[apart != 0]
        if not len(apart):
            return 1.0
        if len(apart) > MOST_COUNTED:
            return float(stats.wilcoxon(apart).pvalue)
        ranks = _doubled(stats.rankdata(np.abs(apart)))
        return _extreme(_signed_sums(ranks), int(ranks[apart > 0].sum()))
    if len(a) + len(b) > MOST_COUNTED:
        return float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    ranks = _doubled(stats.rankdata([*a, *b]))
    return _extreme(_sums(ranks, len(a)), int(ranks[: len(a)].sum()))


def effect(a: Sequence[float], b: Sequence[float]) -> float:
    """Cliff's delta: how much more often one of `b` is above one of `a` than below, -1 to 1."""
    return float(np.sign(np.subtract.outer(np.asarray(b), np.asarray(a))).mean())


def least_p(of_a: int, of_b: int, paired: bool) -> float:
    """The least that the test can give for so many runs: of two outcomes, the most extreme ones."""
    ways = 2.0**of_a if paired else float(math.comb(of_a + of_b, of_a))
    return min(1.0, 2 / ways)


def least_runs(paired: bool, level: float = ALPHA) -> int:
    """So many of each side can be called different at that level; fewer have no outcome so rare."""
    runs = 1
    while least_p(runs, runs, paired) > level:
        runs += 1
    return runs


def _doubled(ranks: np.ndarray) -> np.ndarray:
    """Ranks of ties end in a half."""
    doubled: np.ndarray = np.rint(2 * ranks).astype(np.int64)
    return doubled


def _sums(ranks: np.ndarray, of_a: int) -> np.ndarray:
    """In how many ways `of_a` of the ranks have each sum."""
    ways = np.zeros((of_a + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] = ways[1:, rank:] + ways[:-1, :-rank]
    found: np.ndarray = ways[of_a]
    return found


def _signed_sums(ranks: np.ndarray) -> np.ndarray:
    """In how many ways those of the ranks that B is above with have each sum."""
    ways = np.zeros(int(ranks.sum()) + 1)
    ways[0] = 1
    for rank in ranks:
        ways[rank:] = ways[rank:] + ways[:-rank]
    return ways


def _extreme(ways: np.ndarray, sum_: int) -> float:
    """The share of ways whose sum is as far from the middle as this one, or further."""
    sums = np.arange(len(ways))
    middle = (ways * sums).sum() / ways.sum()
    far = np.abs(sums - middle) >= abs(sum_ - middle) - 1e-6
    return float(min(1.0, ways[far].sum() / ways.sum()))
