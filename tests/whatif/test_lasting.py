# SPDX-License-Identifier: GPL-2.0-or-later
"""How long something lasts, from ends that were seen, bounds, and what was cut off."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from immapscope.whatif.lasting import lasting
from immapscope.whatif.trace import QUANTILES


def bounds(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([low, high]).astype(float)


def test_what_was_seen_to_its_end_is_given_back() -> None:
    ends = np.array([10.0, 20, 20, 40])
    found = lasting(bounds(ends, ends))
    assert found is not None
    assert np.unique(found, return_counts=True)[1].tolist() == [
        QUANTILES // 4,
        QUANTILES // 2,
        QUANTILES // 4,
    ]


def test_of_nothing_nothing_is_known() -> None:
    assert lasting(np.zeros((0, 2))) is None
    assert lasting(np.array([[5.0, np.inf]])) is None


def test_with_cuts_it_is_kaplan_and_meiers() -> None:
    """The textbook's remission times under 6-MP (Freireich 1963): S(10) = 0.753, S(23) = 0.448."""
    ends = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    cut = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    low = np.array(ends + cut, float)
    high = np.array(ends + [np.inf] * len(cut), float)
    found = lasting(bounds(low, high))
    assert found is not None
    for length, survives in ((6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (22, 0.538)):
        assert (found > length).mean() == pytest.approx(survives, abs=1 / QUANTILES)
    # Beyond the last end, 23, an exponential: half of 0.448 survive where exp(-0.0349 t) is 0.224,
    # but nobody is there before 35, the longest that was cut off.
    assert (found > 34.9).mean() == pytest.approx(0.448, abs=1 / QUANTILES)
    assert (found > 42.8).mean() == pytest.approx(0.224, abs=2 / QUANTILES)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_exponential_that_is_mostly_cut_off(seed: int) -> None:
    """Two of three are cut off, the longest first of all; left out they would halve the mean."""
    random = np.random.default_rng(seed)
    lasts, cut = random.exponential(100, 4000), random.exponential(50, 4000)
    seen = lasts < cut
    found = lasting(bounds(np.minimum(lasts, cut), np.where(seen, lasts, np.inf)))
    assert found is not None
    assert lasts[seen].mean() < 40
    assert found.mean() == pytest.approx(100, rel=0.1)
    assert np.median(found) == pytest.approx(100 * np.log(2), rel=0.1)


@pytest.mark.parametrize("mean", [30, 100, 300])
def test_an_exponential_of_which_hardly_an_end_is_seen(mean: int) -> None:
    """Of one in 4, in 11, in 31, all at its very beginning."""
    random = np.random.default_rng(1)
    lasts, cut = random.exponential(mean, 65_536), random.exponential(10, 65_536)
    seen = lasts < cut
    found = lasting(bounds(np.minimum(lasts, cut), np.where(seen, lasts, np.inf)))
    assert found is not None
    assert found.mean() == pytest.approx(mean, rel=0.3)


def test_bounds_and_cuts_together() -> None:
    """A third is seen, of a third both bounds are, and a third is cut off."""
    random = np.random.default_rng(1)
    lasts, cut = random.exponential(100, 6000), random.exponential(200, 6000)
    low, high = np.minimum(lasts, cut), np.where(lasts < cut, lasts, np.inf)
    bounded = (random.random(6000) < 0.5) & (lasts < cut)
    low[bounded] = np.floor(lasts[bounded] / 30) * 30
    high[bounded] = low[bounded] + 30
    found = lasting(bounds(low, high))
    assert found is not None
    assert found.mean() == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_exponential_of_which_only_bounds_were_seen(seed: int) -> None:
    random = np.random.default_rng(seed)
    lasts = random.exponential(100, 4000)
    low = np.floor(lasts / 30) * 30
    found = lasting(bounds(low, low + 30))
    assert found is not None
    # All of a bound's ends are put where it was last: half a bound too late on average.
    assert found.mean() == pytest.approx(115, rel=0.1)


def test_many_lengths_are_told_apart_as_far_as_it_matters() -> None:
    ends = np.random.default_rng(1).lognormal(10, 2, 60_000)
    found = lasting(bounds(ends, ends))
    assert found is not None
    true = np.quantile(ends, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    assert found[5:-5] == pytest.approx(true[5:-5], rel=0.05)
