# SPDX-License-Identifier: GPL-2.0-or-later
"""How long something lasts of which often only bounds were seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.trace import QUANTILES

#: So many lengths are told apart.
_LENGTHS: Final = 1024
_ROUNDS: Final = 500
#: The likelihood of an observation grows by no more than this part of itself.
_SETTLED: Final = 1e-7


def lasting(bounds: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """QUANTILES quantiles, evenly spaced; None where no end was seen.

    `bounds`: (n, 2), ns that each lasted at least and at most: both the same where its end was
    seen, inf where it was cut off. The longer a waiter takes to wake the likelier it is overtaken
    meanwhile, so that to leave those out would leave out the longest. Kaplan and Meier's estimate
    counts them as having lasted longer than that; where others have an upper bound, the likeliest
    distribution is found from there by self-consistency: each length has the share of all that it
    has within each one's bounds (Turnbull 1976, J. R. Stat. Soc. B 38, 290). Beyond the longest end
    it goes on as an exponential that comes to the same there (Brown, Hollander and Korwar 1974, in
    Reliability and Biometry, 327), and is no shorter than the longest cut-off (Efron 1967).
    """
    low, high = bounds[:, 0], bounds[:, 1]
    lengths = _lengths(high[np.isfinite(high)])
    if not len(lengths):
        return None
    shares = _of_ends_and_cuts(low, high, lengths)
    between = (low < high) & np.isfinite(high)
    if between.any():
        # The place behind the last length stands for what lasts longer than any.
        end = np.searchsorted(lengths, high, "right") + np.isinf(high)
        begin = np.searchsorted(lengths, low, "right")
        exact = low == high
        begin[exact] = np.searchsorted(lengths, low[exact])
        shares = _settled(shares, begin, np.maximum(end, begin + 1))
    longest = max(float(low.max()), float(lengths[-1]))
    return _quantiles(lengths, shares, longest, len(bounds))


def _lengths(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """At which something may have ended, few of many."""
    lengths = np.unique(ends)
    if len(lengths) > _LENGTHS:
        lengths = lengths[np.linspace(0, len(lengths) - 1, _LENGTHS).astype(int)]
    return lengths


def _of_ends_and_cuts(
    low: NDArray[np.float64], high: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kaplan and Meier's, as if what has an upper bound had ended there: a share for each length.

    The last one is of what lasts longer than any.
    """
    cut = np.isinf(high)
    ends = np.where(cut, low, high)
    order = np.lexsort((cut, ends))
    left = len(ends) - np.arange(len(ends))
    survive = np.cumprod(1 - np.where(cut[order], 0.0, 1.0) / left)
    ended = -np.diff(survive, prepend=1.0)
    at = np.minimum(np.searchsorted(lengths, ends[order]), len(lengths) - 1)
    shares = np.zeros(len(lengths) + 1)
    np.add.at(shares, at, ended)
    shares[-1] = survive[-1]
    return shares


def _settled(
    shares: NDArray[np.float64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The likeliest shares; each observation is of the lengths from `begin` up to `end`."""
    count = len(shares)
    pairs, times = np.unique(begin * (count + 1) + end, return_counts=True)
    begin, end = pairs // (count + 1), pairs % (count + 1)
    likely = -np.inf
    for _ in range(_ROUNDS):
        below = np.concatenate([[0.0], np.cumsum(shares)])
        within = np.maximum(below[end] - below[begin], 1e-300)
        weights = times / within
        change = np.bincount(begin, weights, count + 1) - np.bincount(end, weights, count + 1)
        shares = shares * np.cumsum(change)[:-1] / times.sum()
        before, likely = likely, float((times * np.log(within)).sum() / times.sum())
        if likely - before < _SETTLED:
            break
    return shares


def _quantiles(
    lengths: NDArray[np.float64], shares: NDArray[np.float64], longest: float, count: int
) -> NDArray[np.float64]:
    evenly = (np.arange(QUANTILES) + 0.5) / QUANTILES
    at = np.searchsorted(np.cumsum(shares[:-1]), evenly)
    found: NDArray[np.float64] = lengths[np.minimum(at, len(lengths) - 1)]
    beyond = at >= len(lengths)
    # Sums are not exact: of `count` at least one came to its end, and what lasts longer is one.
    survive = min(max(float(shares[-1]), 0.5 / count), 1 - 0.5 / count)
    if beyond.any():
        tail = lengths[-1] * np.log1p(-evenly[beyond]) / np.log(survive)
        found[beyond] = np.maximum(tail, longest)
    return found
