# SPDX-License-Identifier: GPL-2.0-or-later
"""What a design would have cost, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.trace import BLOCKS

_RESAMPLES: Final = 2000
#: An interval of 95 %.
_TAILS: Final = (2.5, 97.5)


class Verdict(StrEnum):
    """Beside one lock a file."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference that this recording shows"


@dataclass(frozen=True, slots=True)
class Interval:
    """95 % of resampled answers lie between."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One design. Of what cannot be said: None.

    `trees`: of a file. `wait_ns`: in all, mean over repetitions, of `acquisitions`, of which
    `contended` waited. `ratio`: of `wait_ns` to that under one lock a file, in the same model; of
    that itself to what was recorded. `remote`: share of the hand-overs between tasks whose nodes
    differ. `imbalance`: most changes of one tree over the mean, of the file that is changed most.
    `sweeps`: walks that took every lock or the outer one; `sweep_wait_ns`: in all, `sweep_ns`: that
    and their holds. `most_execs_per_second`: no more than so many, whatever waits; `limit`: what
    sets that, the lock that is held for write most or the CPUs. `drawn`: how often a VMA older than
    the recording was given a tree by chance.
    """

    policy: str
    layout: str
    trees: int
    acquisitions: int
    contended: int
    wait_ns: float
    wait: Interval
    wait_per_exec_ns: float | None
    ratio: float | None
    ratio_interval: Interval | None
    verdict: Verdict | None
    remote: float | None
    imbalance: float | None
    sweeps: int
    sweep_wait_ns: float
    sweep_ns: float
    most_execs_per_second: float | None
    limit: str
    bytes_per_inode: int
    drawn: int


class Resampling:
    """Draws blocks of time, the same for each design that is compared, and repetitions."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        blocks = self._random.integers(0, BLOCKS, (_RESAMPLES, BLOCKS))
        #: How often each block is in each resample.
        self._weights = np.apply_along_axis(np.bincount, 1, blocks, minlength=BLOCKS)

    def total(self, waits: NDArray[np.float64]) -> Interval:
        """Of the sum of `waits`, one row for each repetition and a column for each block."""
        return _interval(self._sums(waits))

    def ratio(self, waits: NDArray[np.float64], beside: NDArray[np.float64]) -> Interval | None:
        """Of the sums; None where `beside` is 0 in some resample."""
        below = self._sums(beside)
        return None if (below == 0).any() else _interval(self._sums(waits) / below)

    def _sums(self, waits: NDArray[np.float64]) -> NDArray[np.float64]:
        which = np.arange(_RESAMPLES) % len(waits)
        sums: NDArray[np.float64] = np.einsum("rb,rb->r", self._weights, waits[which])
        return sums


def _interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, _TAILS)
    return Interval(float(low), float(high))


def verdict(interval: Interval | None) -> Verdict | None:
    """What an interval of the ratio says."""
    if interval is None:
        return None
    if interval.high < 1:
        return Verdict.BETTER
    return Verdict.WORSE if interval.low > 1 else Verdict.NO_DIFFERENCE
