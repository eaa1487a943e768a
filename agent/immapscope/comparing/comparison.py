# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of two sides: every measure that both have, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from immapscope.comparing.families import holm
from immapscope.comparing.measures import HEADLINE, Measure, measures
from immapscope.comparing.ranks import ALPHA
from immapscope.comparing.runs import Facts, Run
from immapscope.comparing.statistics import Difference, difference
from immapscope.errors import UsageError


class Verdict(StrEnum):
    """What these runs show of a measure. More is worse: every measure is a cost."""

    WORSE = "worse"
    BETTER = "better"
    NOTHING = "no difference that these runs can show"


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure of both sides. `p`: of `difference`, of parts corrected for how many they are."""

    measure: Measure
    difference: Difference
    p: float | None

    @property
    def verdict(self) -> Verdict:
        """A difference is what the rank test calls one."""
        if self.p is None or self.p > ALPHA or self.difference.effect is None:
            return Verdict.NOTHING
        return Verdict.WORSE if self.difference.effect > 0 else Verdict.BETTER

    def beyond(self, share: float) -> bool:
        """Whether it is worse by more than that, with the whole of its interval.

        Anything is more than nothing by more than any share.
        """
        if self.verdict is not Verdict.WORSE:
            return False
        interval = self.difference.interval
        return self.difference.mean_a == 0 or (interval is not None and interval[0] > 1 + share)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides. `warnings`: what differs and was let pass; `lines`: the headline first."""

    kernels: tuple[Facts, Facts]
    mode: str
    runs: tuple[int, int]
    paired: bool
    warnings: tuple[str, ...]
    lines: tuple[Compared, ...]

    @property
    def headline(self) -> Compared:
        """Wait per tree operation, over all files."""
        return self.lines[0]

    def regressions(self, share: float) -> list[Compared]:
        """Of the headline and of files, those that are worse by more than that."""
        judged = [self.headline, *(one for one in self.lines if one.measure.scope == "file")]
        return [one for one in judged if one.beyond(share)]


def compare(
    a: Sequence[Run], b: Sequence[Run], *, paired: bool, seed: int, warnings: Sequence[str] = ()
) -> Comparison:
    """Raises UsageError where the headline is not known: no change of a tree was counted."""
    found = []
    for measure in measures(a, b):
        values = [[measure.values(run) for run in side] for side in (a, b)]
        of_a, of_b = ([value for value in side if value is not None] for side in values)
        if len(of_a) == len(a) and len(of_b) == len(b):
            found.append(Compared(measure, difference(of_a, of_b, paired, seed), None))
    if not found or found[0].measure.what != HEADLINE or found[0].measure.scope != "all":
        raise UsageError(
            "no tree operation was counted in some run: without them nothing tells twice the work "
            "from twice the cost; trace the work itself, with tree operations on"
        )
    headline = replace(found[0], p=found[0].difference.p)
    parts = found[1:]
    corrected = holm([one.difference.p for one in parts])
    lines = (headline, *(replace(one, p=p) for one, p in zip(parts, corrected, strict=True)))
    first = (a[0].document, b[0].document)
    return Comparison(
        kernels=(first[0].kernel, first[1].kernel),
        mode=first[0].mode,
        runs=(len(a), len(b)),
        paired=paired,
        warnings=tuple(warnings),
        lines=lines,
    )
