# SPDX-License-Identifier: GPL-2.0-or-later
"""How large a difference is: an interval for the ratio of two means, by bootstrap.

Of three or four runs it is too narrow, which is why it decides nothing alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np

_RESAMPLES: Final = 4000
_ENDS: Final = (0.025, 0.975)

#: The lower end, and the upper one: None where there is none.
Interval = tuple[float, float | None]


def interval_of_ratio(
    a: Sequence[float], b: Sequence[float], paired: bool, seed: int
) -> Interval | None:
    """Of 95 %, for the mean of `b` by that of `a`; None where one has a single run, or `a` only 0.

    Resamples in which only A waited nothing are above every bound. Those in which neither waited
    tell nothing of the ratio: they count as what widens the interval.
    """
    if min(len(a), len(b)) < 2 or not np.mean(a):
        return None
    from scipy import stats

    with warnings.catch_warnings():
        # It takes percentiles of its own, which infinite ratios spoil.
        warnings.simplefilter("ignore")
        ratios = stats.bootstrap(
            (np.asarray(a), np.asarray(b)),
            _ratio_of_means,
            paired=paired,
            vectorized=True,
            n_resamples=_RESAMPLES,
            method="percentile",
            random_state=seed,
        ).bootstrap_distribution
    unknown = np.isnan(ratios)
    low = float(np.quantile(np.where(unknown, 0, ratios), _ENDS[0], method="lower"))
    high = float(np.quantile(np.where(unknown, np.inf, ratios), _ENDS[1], method="higher"))
    return low, high if math.isfinite(high) else None


def _ratio_of_means(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = b.mean(axis=axis) / a.mean(axis=axis)
    return ratio
