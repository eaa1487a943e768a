# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two lists of runs differ, by how much, and how many runs it would take to see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from immapscope.comparing.power import detectable_share, runs_needed, scatter_of
from immapscope.comparing.ranks import ALPHA, effect, least_p, least_runs, rank_test
from immapscope.comparing.resampling import Interval, interval_of_ratio


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
    interval: Interval | None
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
        interval_of_ratio(a, b, paired, seed),
        rank_test(a, b, paired),
        found,
        needed,
        detectable_share(scatter, len(a), len(b), paired, level),
        least,
        least_p(len(a), len(b), paired) <= level,
    )
