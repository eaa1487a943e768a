# SPDX-License-Identifier: GPL-2.0-or-later
"""A difference is found with as many runs as were said to be needed, also of one part of many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from immapscope.comparing.power import detectable_share, runs_needed, scatter_of
from immapscope.comparing.ranks import ALPHA, least_runs
from tests.comparing.drawn import called, drawn


@pytest.mark.parametrize("parts", [1, 3, 13])
@pytest.mark.parametrize("scatter", [0.03, 0.1, 0.2])
@pytest.mark.parametrize("paired", [False, True])
def test_a_fifth_more_is_found_with_the_runs_that_are_said_to_be_needed(
    scatter: float, paired: bool, parts: int
) -> None:
    level = ALPHA / parts
    # In pairs what scatters is the ratio of two runs.
    needed = runs_needed(1.2, scatter * (math.sqrt(2) if paired else 1), paired, level)
    assert needed is not None
    assert needed >= least_runs(paired, level)
    assert called(300, needed, 1.2, scatter, paired, seed=2, level=level) >= 0.75


@pytest.mark.parametrize("parts", [1, 10])
def test_what_so_many_runs_would_show_they_do_show(parts: int) -> None:
    random = np.random.default_rng(3)
    a, b = drawn(random, 8, 1, 0.1), drawn(random, 8, 1, 0.1)
    scatter, level = scatter_of(a, b, paired=False), ALPHA / parts
    assert scatter is not None
    share = detectable_share(scatter, 8, 8, paired=False, level=level)
    assert share is not None
    assert called(300, 8, 1 + share, scatter, False, seed=4, level=level) >= 0.75


@pytest.mark.parametrize(
    ("ratio", "scatter"), [(None, 0.1), (0.0, 0.1), (1.0, 0.1), (1.2, None), (1.0001, 0.3)]
)
def test_the_runs_that_are_needed_may_not_be_known(
    ratio: float | None, scatter: float | None
) -> None:
    assert runs_needed(ratio, scatter, paired=False, level=ALPHA) is None


def test_runs_that_cannot_reach_the_level_show_nothing() -> None:
    assert detectable_share(0.1, 5, 5, paired=False, level=ALPHA / 10) is None
    assert detectable_share(0.1, 6, 6, paired=False, level=ALPHA / 10) is not None
    assert detectable_share(None, 6, 6, paired=False, level=ALPHA) is None


def test_the_scatter_of_runs_without_a_logarithm_is_not_known() -> None:
    assert scatter_of([0.0, 1.0], [1.0, 2.0], paired=False) is None
    assert scatter_of([1.0], [1.0, 2.0], paired=False) is None
