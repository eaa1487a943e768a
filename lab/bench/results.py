# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, as ratios: each contender beside what the same work took with nothing.

A ratio belongs to one pair of runs. Of several the mean is told, with its 95 % interval: by
Student's t over the pairs, and never narrower than what runs with nothing differ by among
themselves in the same guest, since a few pairs may agree by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median, stdev
from typing import Any, Final

#: A fixed time in which nothing is done: what is added is told by the second, and over next to
#: nothing there is no ratio.
IDLE: Final = "idle"
#: Two runs of one kernel with nothing differ by less of an exec.
_NOTHING: Final = 0.005
#: Student's t, two-sided 95 %, for 1, 2, ... degrees of freedom; of more the last is wide enough.
_STUDENT: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
#: What was lost in one round of several is no less lost.
_WORST: Final = frozenset({"lost", "skipped"})


@dataclass(frozen=True)
class Figure:
    """The mean of some pairs, and its interval; `low` and `high` are None where nothing tells."""

    mean: float
    low: float | None
    high: float | None
    pairs: int

    def widened(self, by: float) -> Figure:
        """Its interval wider by so much at either end."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=self.low - by, high=self.high + by)

    def told(self, form: str) -> str:
        """As a table has it, each number in this form of str.format."""
        mean = form.format(self.mean)
        if self.low is None or self.high is None:
            return mean
        return f"{mean} ({form.format(self.low)} to {form.format(self.high)})"


@dataclass(frozen=True)
class Noise:
    """What two runs with nothing, one after the other, differ by: deviation of logs from 0."""

    deviation: float
    pairs: int

    @property
    def half(self) -> float:
        """Half the interval of one such pair, in logs."""
        return _student(self.pairs) * self.deviation


@dataclass(frozen=True)
class Contender:
    """One of them: ratio, and added ns (instructions, where the clock counts those), by work."""

    name: str
    ratios: Mapping[str, Figure]
    added: Mapping[str, Figure]
    told: Mapping[str, float]
    failed: str | None


def noise(bare: Sequence[float]) -> Noise | None:
    """Of runs with nothing, in their order; None of a single one."""
    logs = [math.log(after / before) for before, after in pairwise(bare)]
    return Noise(math.sqrt(fmean(one * one for one in logs)), len(logs)) if logs else None


def ratio(pairs: Sequence[tuple[float, float]], among: Noise | None) -> Figure:
    """Of (with nothing, under it) pairs."""
    logs = [math.log(under / bare) for bare, under in pairs]
    mean, half = fmean(logs), _half(logs, among, 1.0)
    if half is None:
        return Figure(math.exp(mean), None, None, len(logs))
    return Figure(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(logs))


def added(pairs: Sequence[tuple[float, float]], count: int, among: Noise | None) -> Figure:
    """What is taken more each of `count` times."""
    each = [(under - bare) / count for bare, under in pairs]
    # Of two runs that both scatter in proportion to what they take.
    scale = math.sqrt(fmean((bare**2 + under**2) / 2 for bare, under in pairs)) / count
    mean, half = fmean(each), _half(each, among, scale)
    if half is None:
        return Figure(mean, None, None, len(each))
    return Figure(mean, mean - half, mean + half, len(each))


def _half(values: Sequence[float], among: Noise | None, scale: float) -> float | None:
    widths = [among.half * scale] if among else []
    if len(values) > 1:
        widths.append(_student(len(values) - 1) * stdev(values))
    return max(widths) / math.sqrt(len(values)) if widths else None


def _student(freedom: int) -> float:
    return _STUDENT[min(freedom, len(_STUDENT)) - 1]


def contenders(
    measured: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    bare: Sequence[Mapping[str, float]] | None = None,
) -> list[Contender]:
    """From measured.json; `counts`: how often each work was done.

    `bare`: the runs with nothing in their order, where those of `measured` are not that.
    """
    runs = [one["bare"] for one in measured] if bare is None else bare
    among = {work: noise([one[work] for one in runs]) for work in counts}
    names = list(dict.fromkeys(one["contender"] for one in measured))
    return [
        _contender(name, [one for one in measured if one["contender"] == name], counts, among)
        for name in names
    ]


def nothing(measured: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> Contender:
    """Runs with nothing, each beside the one before: the interval is that of a single pair."""
    ratios, more = {}, {}
    for work, count in counts.items():
        bare = [one["bare"][work] for one in measured]
        among = noise(bare)
        if among is None:
            continue
        pairs = list(pairwise(bare))
        half, scale = among.half, fmean(bare) / count
        mean = fmean(math.log(after / before) for before, after in pairs)
        if work != IDLE:
            ratios[work] = Figure(
                math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(pairs)
            )
        each = fmean((after - before) / count for before, after in pairs)
        more[work] = Figure(each, each - half * scale, each + half * scale, len(pairs))
    return Contender("nothing, twice", ratios, more, {}, None if ratios else "a single run")


def _contender(
    name: str,
    runs: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    among: Mapping[str, Noise | None],
) -> Contender:
    good = [one for one in runs if "under" in one]
    if not good:
        return Contender(name, {}, {}, {}, runs[0].get("failed", "never run"))
    pairs = {work: [(one["bare"][work], one["under"][work]) for one in good] for work in counts}
    return Contender(
        name,
        {work: ratio(of_work, among[work]) for work, of_work in pairs.items() if work != IDLE},
        {work: added(of_work, counts[work], among[work]) for work, of_work in pairs.items()},
        _told([one["told"] for one in good]),
        None,
    )


def _told(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """By key what each round told as a number; None is what it does not know."""
    found: dict[str, list[float]] = {}
    for told in rounds:
        for key, value in told.items():
            if isinstance(value, int | float):
                found.setdefault(key, []).append(value)
    return {
        key: max(values) if key in _WORST else median(values)
        for key, values in sorted(found.items())
    }


def reason(failed: str) -> str:
    """What a tool that failed said last, as a cell."""
    lines = failed.strip().splitlines() or ["failed without a word"]
    return lines[-1].replace("|", "/")[:60]


def above_empty(found: Sequence[Contender], work: str) -> dict[str, float]:
    """Added by each session of ours, over what empty programs at the same places add.

    Not of one whose empty programs add next to nothing: what is left there is what happens anyway.
    """
    good = {one.name: one for one in found if not one.failed}
    pairs = ((one, good.get(f"{name}-empty")) for name, one in good.items())
    return {
        one.name: one.added[work].mean / empty.added[work].mean
        for one, empty in pairs
        if empty is not None and empty.ratios[work].mean > 1 + _NOTHING
    }
