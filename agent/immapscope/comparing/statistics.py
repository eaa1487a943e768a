# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two lists of runs differ, by how much, and how many runs it would take to see it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from immapscope.comparing.power import detectable_share, runs_needed, scatter_of
from immapscope.comparing.ranks import ALPHA, effect, least_p, least_runs, rank_test

_RESAMPLES: Final = 4000


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two lists of runs. A mean is None where no run of a side knows the measure.

    `ratio` of the means, B by A, None where A's is 0; `interval`: of 95 %.
    `p`: of the rank test, by itself, None where there are too few runs to tell anything; `effect`:
    Cliff's delta. What follows is at the level that was asked for. `least`: runs of each side below
    which no difference can be shown. `needed`: runs of each side that would show one of this size 4
    times in 5, None where that is more than a thousand or not known. `detectable`: the least
    difference, as a share, that so many runs show. `decidable`: whether they can show any.
    """

    mean_a: float | None
    mean_b: float | None
    ratio: float | None
    interval: tuple[float, float] | None
    p: float | None
    effect: float | None
    needed: int | None
    detectable: float | None
    least: int
    decidable: bool


def difference(
    a: Sequence[float], b: Sequence[float], paired: bool, seed: int, level: float = ALPHA
) -> Difference:
    """Of a measure's values, one for each run; `paired`: the runs were made in turn, A B A B.

    `level`: at which p is a difference. Raises ValueError where paired sides, both with runs, have
    not the same length.
    """
    least = least_runs(paired, level)
    mean_a, mean_b = (float(np.mean(side)) if len(side) else None for side in (a, b))
    if mean_a is None or mean_b is None:
        return Difference(mean_a, mean_b, None, None, None, None, None, None, least, False)
    if paired and len(a) != len(b):
        raise ValueError("paired runs come in pairs")
    ratio = mean_b / mean_a if mean_a else None
    scatter, found = scatter_of(a, b, paired), effect(a, b)
    needed = runs_needed(ratio, scatter, paired, level)
    if scatter is None and abs(found) == 1:
        # Sides without a logarithm, but apart: the rarest outcome shows it, whatever the size.
        needed = least
    return Difference(
        mean_a,
        mean_b,
        ratio,
        _interval(a, b, paired, seed),
        rank_test(a, b, paired),
        found,
        needed,
        detectable_share(scatter, len(a), len(b), paired, level),
        least,
        least_p(len(a), len(b), paired) <= level,
    )


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
