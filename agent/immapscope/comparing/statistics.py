# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two lists of runs differ, by how much, and how many runs it would take to see it.

The rank test decides: it asks nothing of how runs scatter and is exact for few of them. The
bootstrap's interval tells how large a difference is; of three or four runs it is too narrow, which
is why it decides nothing alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

#: Of calling a difference what is none, and of seeing one that is there.
ALPHA: Final = 0.05
POWER: Final = 0.8
_RESAMPLES: Final = 4000
#: What a rank test needs more runs for than a test that knows how they scatter (Hodges, Lehmann).
_EFFICIENCY: Final = 0.864
_MOST_RUNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """`ratio` of the means, B by A, None where A's is 0; `interval` of 95 %.

    `p`: of the rank test, None where there are too few runs to tell anything; `effect`: Cliff's
    delta, how much more often a run of B is above one of A than below, -1 to 1. `needed`: runs of
    each side that would show a difference of this size 4 times in 5, None where that is more than
    a thousand or not known. `detectable`: the least difference, as a share, that so many runs show.
    """

    mean_a: float
    mean_b: float
    ratio: float | None
    interval: tuple[float, float] | None
    p: float | None
    effect: float
    needed: int | None
    detectable: float | None


def difference(a: Sequence[float], b: Sequence[float], paired: bool, seed: int) -> Difference:
    """Of a measure's values, one for each run; `paired`: the runs were made in turn, A B A B.

    Raises ValueError where paired sides have not the same length, or one has no run.
    """
    if not a or not b:
        raise ValueError("a side without runs")
    if paired and len(a) != len(b):
        raise ValueError("paired runs come in pairs")
    mean_a, mean_b = float(np.mean(a)), float(np.mean(b))
    ratio = mean_b / mean_a if mean_a else None
    scatter = _scatter(a, b, paired)
    return Difference(
        mean_a,
        mean_b,
        ratio,
        _interval(a, b, paired, seed),
        _p(a, b, paired),
        _effect(a, b),
        _needed(ratio, scatter, paired),
        _detectable(scatter, min(len(a), len(b)), paired),
    )


def least_runs(paired: bool) -> int:
    """So many of each side can show anything: fewer have no outcome rarer than 1 in 20."""
    return 6 if paired else 4


def _p(a: Sequence[float], b: Sequence[float], paired: bool) -> float | None:
    if min(len(a), len(b)) < least_runs(paired):
        return None
    # Imported late, here and below: it takes half a second, and bad sides are told at once.
    from scipy import stats

    if paired:
        if all(x == y for x, y in zip(a, b, strict=True)):
            return 1.0
        return float(stats.wilcoxon(a, b).pvalue)
    return float(stats.mannwhitneyu(a, b, alternative="two-sided").pvalue)


def _effect(a: Sequence[float], b: Sequence[float]) -> float:
    above = np.sign(np.subtract.outer(np.asarray(b), np.asarray(a)))
    return float(above.mean())


def _interval(
    a: Sequence[float], b: Sequence[float], paired: bool, seed: int
) -> tuple[float, float] | None:
    if min(len(a), len(b)) < 2 or not np.mean(a):
        return None
    from scipy import stats

    with warnings.catch_warnings():
        # Runs that are all alike have no scatter to correct by.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (np.asarray(a), np.asarray(b)),
            _ratio_of_means,
            paired=paired,
            vectorized=True,
            n_resamples=_RESAMPLES,
            method="percentile",
            random_state=seed,
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _ratio_of_means(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = b.mean(axis=axis) / a.mean(axis=axis)
    return ratio


def _scatter(a: Sequence[float], b: Sequence[float], paired: bool) -> float | None:
    """Standard deviation of a run's logarithm, or of a pair's ratio's; None where not known."""
    if min(*a, *b) <= 0 or min(len(a), len(b)) < 2:
        return None
    logs_a, logs_b = np.log(a), np.log(b)
    if paired:
        return float(np.std(logs_b - logs_a, ddof=1))
    squares = ((logs_a - logs_a.mean()) ** 2).sum() + ((logs_b - logs_b.mean()) ** 2).sum()
    return float(math.sqrt(squares / (len(a) + len(b) - 2)))


def _quantiles() -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)


def _needed(ratio: float | None, scatter: float | None, paired: bool) -> int | None:
    if not ratio or scatter is None or ratio == 1:
        return None
    sides = 1 if paired else 2
    runs = sides * (_quantiles() * scatter / math.log(ratio)) ** 2 / _EFFICIENCY
    # Few runs have a coarse test: one more on each side makes up for that.
    most = max(least_runs(paired), math.ceil(runs) + 1)
    return most if most <= _MOST_RUNS else None


def _detectable(scatter: float | None, runs: int, paired: bool) -> float | None:
    if scatter is None or runs < least_runs(paired):
        return None
    sides = 1 if paired else 2
    return math.expm1(_quantiles() * scatter * math.sqrt(sides / _EFFICIENCY / (runs - 1)))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """The same, so that of all of them together one in 20 is called a difference by chance."""
    known = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    most = 0.0
    for rank, (value, index) in enumerate(known):
        most = max(most, min(1.0, value * (len(known) - rank)))
        adjusted[index] = most
    return adjusted
