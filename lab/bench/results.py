# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, as ratios: each contender beside what the same work took with nothing.

A ratio belongs to one pair of runs; of several the median is told, with the least and the most, or
with an interval that the bootstrap gives.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

_RESAMPLES: Final = 2000
#: Two runs of one kernel with nothing differ by less of an exec.
_NOTHING: Final = 0.005


@dataclass(frozen=True)
class Ratio:
    """Median of the pairs, and what it may be: 95 of 100 resamples, or all where there are few."""

    median: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class Contender:
    """One of them: ratio and added ns (instructions, where the clock counts those) by work."""

    name: str
    ratios: Mapping[str, Ratio]
    added: Mapping[str, float]
    told: Mapping[str, float]
    failed: str | None


def ratio(pairs: Sequence[tuple[float, float]], seed: int = 1) -> Ratio:
    """Of (with nothing, under it) pairs."""
    ratios = [under / bare for bare, under in pairs]
    if len(ratios) < 5:
        return Ratio(median(ratios), min(ratios), max(ratios), len(ratios))
    draw = random.Random(seed)
    medians = sorted(median(draw.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES))
    return Ratio(
        median(ratios),
        medians[int(0.025 * _RESAMPLES)],
        medians[int(0.975 * _RESAMPLES) - 1],
        len(ratios),
    )


def contenders(measured: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> list[Contender]:
    """From measured.json; `counts`: how often each work was done."""
    names = list(dict.fromkeys(one["contender"] for one in measured))
    return [
        _contender(name, [one for one in measured if one["contender"] == name], counts)
        for name in names
    ]


def _contender(
    name: str, runs: Sequence[Mapping[str, Any]], counts: Mapping[str, int]
) -> Contender:
    good = [one for one in runs if "under" in one]
    if not good:
        return Contender(name, {}, {}, {}, runs[0].get("failed", "never run"))
    pairs = {work: [(one["bare"][work], one["under"][work]) for one in good] for work in counts}
    told_keys = {key for one in good for key, value in one["told"].items() if value is not None}
    return Contender(
        name,
        {work: ratio(of_work) for work, of_work in pairs.items()},
        {
            work: median(under - bare for bare, under in of_work) / counts[work]
            for work, of_work in pairs.items()
        },
        {key: median(one["told"][key] for one in good) for key in sorted(told_keys)},
        None,
    )


def above_empty(found: Sequence[Contender], work: str) -> dict[str, float]:
    """Added by each session of ours, over what empty programs at the same places add.

    Not of one whose empty programs add next to nothing: what is left there is what happens anyway.
    """
    good = {one.name: one for one in found if not one.failed}
    pairs = ((one, good.get(f"{name}-empty")) for name, one in good.items())
    return {
        one.name: one.added[work] / empty.added[work]
        for one, empty in pairs
        if empty is not None and empty.ratios[work].median > 1 + _NOTHING
    }
