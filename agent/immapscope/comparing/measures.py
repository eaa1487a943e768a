# SPDX-License-Identifier: GPL-2.0-or-later
"""What is compared: measures, each a number for every run, or None where a run does not know it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from immapscope.comparing.parts import Part, Parts, Scope
from immapscope.comparing.runs import Run, Totals

#: Files that have measures of their own: those that waited most, on both sides together, and
#: besides of those that waited on one side alone.
MOST_FILES: Final = 10
MOST_ONE_SIDED: Final = 3

#: What the verdict is about, of all and of each part.
HEADLINE: Final = "wait per tree operation"


class Unit(StrEnum):
    """Of a measure's number."""

    SECONDS = "seconds"
    COUNT = "count"


class Per(StrEnum):
    """Whose tree operations a measure is for each of."""

    PART = "part"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Measure:
    """`name`: which file, node, operation or cause, empty for all; `a`, `b`: by run."""

    scope: Scope
    name: str
    what: str
    unit: Unit
    a: tuple[float | None, ...]
    b: tuple[float | None, ...]
    per: Per | None = None

    @property
    def is_headline(self) -> bool:
        """Whether it says how its part fares; others tell why."""
        return self.what == HEADLINE


@dataclass(frozen=True, slots=True)
class _Seen:
    """A run as a measure of one part sees it."""

    part: Part
    all: Part
    totals: Totals


_Value = Callable[[_Seen], float | None]

_TAIL: Final[tuple[tuple[str, Unit, _Value], ...]] = (
    ("median wait", Unit.SECONDS, lambda run: run.part.quantile(0.5)),
    ("99th percentile wait", Unit.SECONDS, lambda run: run.part.quantile(0.99)),
    ("longest wait", Unit.SECONDS, lambda run: run.part.longest),
)


def measures(a: Sequence[Run], b: Sequence[Run]) -> list[Measure]:
    """The headline first, then what tells where it comes from: of each part its headline first."""
    return list(_Sides([Parts(run) for run in a], [Parts(run) for run in b], a, b).measures())


@dataclass(frozen=True, slots=True)
class _Sides:
    parts_a: Sequence[Parts]
    parts_b: Sequence[Parts]
    a: Sequence[Run]
    b: Sequence[Run]

    def measures(self) -> Iterator[Measure]:
        """Of all, then of each part."""
        yield self._of_changes(Scope.ALL, "", Per.ALL)
        yield self._measure(
            Scope.ALL, "", "waits per tree operation", Unit.COUNT,
            lambda run: _per(run.part.contended, run.all.changes), Per.ALL,
        )  # fmt: skip
        yield self._measure(
            Scope.ALL, "", "wait per exec", Unit.SECONDS,
            lambda run: _per(run.part.wait_seconds, run.totals.execs),
        )  # fmt: skip
        yield from self._details(Scope.ALL, "")
        for name in self._files():
            yield from self._of_part(Scope.FILE, name)
        for name in sorted(self._hottest(Scope.NODE), key=int):
            yield from self._of_part(Scope.NODE, name)
        for scope in (Scope.OPERATION, Scope.CAUSE):
            for name in self._hottest(scope):
                # By the changes of all files, so that the parts add up to the whole.
                yield self._of_changes(scope, name, Per.ALL)
                yield from self._details(scope, name)

    def _of_part(self, scope: Scope, name: str) -> Iterator[Measure]:
        """By its own changes, unless it waited in a run without one: walks change no tree."""
        parts = (one.part(scope, name) for one in (*self.parts_a, *self.parts_b))
        walked = any(part and part.wait_seconds and not part.changes for part in parts)
        yield self._of_changes(scope, name, Per.ALL if walked else Per.PART)
        yield from self._details(scope, name)

    def _of_changes(self, scope: Scope, name: str, per: Per) -> Measure:
        def value(run: _Seen) -> float | None:
            if per is Per.ALL:
                return _per(run.part.wait_seconds, run.all.changes)
            # What was not touched cost nothing.
            return _per(run.part.wait_seconds, run.part.changes or run.all.changes)

        return self._measure(scope, name, HEADLINE, Unit.SECONDS, value, per)

    def _details(self, scope: Scope, name: str) -> Iterator[Measure]:
        if scope is not Scope.CAUSE:
            # The cause is known of contended acquisitions only.
            yield self._measure(
                scope, name, "acquisitions per exec", Unit.COUNT,
                lambda run: _per(run.part.acquisitions, run.totals.execs),
            )  # fmt: skip
        for what, unit, value in _TAIL:
            yield self._measure(scope, name, what, unit, value)

    def _measure(
        self, scope: Scope, name: str, what: str, unit: Unit, value: _Value, per: Per | None = None
    ) -> Measure:
        def of(side: Sequence[Parts], runs: Sequence[Run]) -> Iterator[float | None]:
            for parts, run in zip(side, runs, strict=True):
                part = parts.part(scope, name)
                if part is None:
                    yield None
                    continue
                found = value(_Seen(part, parts.all, run.document.totals))
                # What differs by rounding alone would have a rank of its own.
                yield None if found is None else float(f"{found:.9g}")

        a, b = tuple(of(self.parts_a, self.a)), tuple(of(self.parts_b, self.b))
        return Measure(scope, name, what, unit, a, b, per)

    def _files(self) -> list[str]:
        """Those that waited most; a small one that waits on one side only is news all the same."""
        both = self._hottest(Scope.FILE)
        sides = [_waited(side, Scope.FILE) for side in (self.parts_a, self.parts_b)]
        one_sided = [name for name in both[MOST_FILES:] if sum(name in one for one in sides) == 1]
        return both[:MOST_FILES] + one_sided[:MOST_ONE_SIDED]

    def _hottest(self, scope: Scope) -> list[str]:
        """By the wait of a run of A and a run of B together, however many each side has."""
        found: dict[str, float] = {}
        for side in (self.parts_a, self.parts_b):
            for name, waited in _waited(side, scope).items():
                found[name] = found.get(name, 0.0) + waited / len(side)
        return sorted(found, key=lambda name: (-found[name], name))


def _waited(side: Sequence[Parts], scope: Scope) -> dict[str, float]:
    """Seconds that each part waited in all runs of a side."""
    found: dict[str, float] = {}
    for parts in side:
        for name, waited in parts.names(scope).items():
            found[name] = found.get(name, 0.0) + waited
    return found


def _per(part: float | None, whole: int) -> float | None:
    return part / whole if part is not None and whole else None
