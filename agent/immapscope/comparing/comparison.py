# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of two sides: every measure, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from immapscope.comparing.families import corrected, families, gates
from immapscope.comparing.measures import Measure, measures
from immapscope.comparing.parts import Scope
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
    """A measure of both sides. `runs`: that know it; `p`: of `difference`, after its family."""

    measure: Measure
    runs: tuple[int, int]
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

    def headlines(self, scope: Scope) -> list[Compared]:
        """Wait per tree operation of each part."""
        return [one for one in self.lines if one.measure.scope is scope and one.measure.is_headline]

    def shown(self, detail: bool) -> list[Compared]:
        """For people: of a part its headline, and the rest of it where they ask for `detail`."""
        return [
            one
            for one in self.lines
            if detail or one.measure.is_headline or one.measure.scope is Scope.ALL
        ]

    def regressions(self, share: float) -> list[Compared]:
        """Of the headline and of files, those that are worse by more than that."""
        judged = [self.headline, *self.headlines(Scope.FILE)]
        return [one for one in judged if one.beyond(share)]


def compare(
    a: Sequence[Run], b: Sequence[Run], *, paired: bool, seed: int, warnings: Sequence[str] = ()
) -> Comparison:
    """Raises UsageError where the headline is not known: no change of a tree was counted."""
    found = measures(a, b)
    if None in (*found[0].a, *found[0].b):
        raise UsageError(
            "no tree operation was counted in some run: without them nothing tells twice the work "
            "from twice the cost; trace the work itself, with tree operations on"
        )
    first = (a[0].document, b[0].document)
    return Comparison(
        kernels=(first[0].kernel, first[1].kernel),
        mode=first[0].mode,
        runs=(len(a), len(b)),
        paired=paired,
        warnings=tuple(warnings),
        lines=tuple(judged([one for one in found if _is_known(one)], paired, seed)),
    )


def judged(known: Sequence[Measure], paired: bool, seed: int) -> list[Compared]:
    """Each, at a level that its family's first to be called different has to reach."""
    values = [_values(one, paired) for one in known]
    levels = [ALPHA] * len(known)
    for family in families(known):
        for place in family:
            levels[place] = ALPHA / len(family)
    found = [
        difference(*sides, paired, seed, level) for sides, level in zip(values, levels, strict=True)
    ]
    for place, gate in gates(known).items():
        found[place] = _behind(found[place], found[gate])
    return [
        Compared(measure, (len(of_a), len(of_b)), one, p)
        for measure, (of_a, of_b), one, p in zip(
            known, values, found, corrected(known, [one.p for one in found]), strict=True
        )
    ]


def _is_known(measure: Measure) -> bool:
    return any(value is not None for value in (*measure.a, *measure.b))


def _values(measure: Measure, paired: bool) -> tuple[list[float], list[float]]:
    """Of the runs that know it; of pairs, where both sides know it at all, those that both do."""
    of_a = [value for value in measure.a if value is not None]
    of_b = [value for value in measure.b if value is not None]
    if paired and of_a and of_b:
        pairs = zip(measure.a, measure.b, strict=True)
        whole = [(a, b) for a, b in pairs if a is not None and b is not None]
        return [a for a, _ in whole], [b for _, b in whole]
    return of_a, of_b


def _behind(one: Difference, gate: Difference) -> Difference:
    """What it takes for both to be seen."""
    needed = (one.needed, gate.needed)
    return replace(
        one,
        least=max(one.least, gate.least),
        needed=None if None in needed else max(n for n in needed if n is not None),
    )
