# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that are drawn: lognormal around a mean, as repeated runs scatter."""

from __future__ import annotations

import numpy as np

from immapscope.comparing.ranks import ALPHA, rank_test


def drawn(random: np.random.Generator, runs: int, scale: float, scatter: float) -> list[float]:
    """So many; `scatter`: the standard deviation of the logarithm."""
    values: list[float] = (scale * random.lognormal(0, scatter, runs)).tolist()
    return values


def called(
    trials: int, runs: int, scale: float, scatter: float, paired: bool, seed: int,
    level: float = ALPHA,
) -> float:  # fmt: skip
    """The share of trials in which runs around `scale` are called different from some around 1."""
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(trials):
        a, b = drawn(random, runs, 1, scatter), drawn(random, runs, scale, scatter)
        p = rank_test(a, b, paired)
        found += p is not None and p <= level
    return found / trials
