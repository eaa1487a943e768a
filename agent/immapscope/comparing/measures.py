# SPDX-License-Identifier: GPL-2.0-or-later
"""What is compared: measures of a run, each a number for the whole run, or None where not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from immapscope.comparing.runs import Run, RunRow, name_of

#: Files that have measures of their own: those that waited most on both sides together.
MOST_FILES: Final = 10


class Unit(StrEnum):
    """Of a measure's number."""

    SECONDS = "seconds"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Measure:
    """`scope`: all, file, node, operation or cause; `name`: which one, empty for all."""

    scope: str
    name: str
    what: str
    unit: Unit
    values: Callable[[Run], float | None]


#: What the verdict is about.
HEADLINE: Final = "wait per tree operation"


def measures(one: Sequence[Run], other: Sequence[Run]) -> list[Measure]:
    """The headline first, then what tells where it comes from."""
    found = [
        _all(HEADLINE, Unit.SECONDS,
             lambda run: _per(run.document.totals.wait_seconds, run.changes)),
        _all("waits per tree operation", Unit.COUNT,
             lambda run: _per(run.document.totals.contended, run.changes)),
        _all("wait per exec", Unit.SECONDS,
             lambda run: _per(run.document.totals.wait_seconds, run.document.totals.execs)),
        _all("acquisitions per exec", Unit.COUNT,
             lambda run: _per(run.document.totals.acquisitions, run.document.totals.execs)),
        _all("median wait", Unit.SECONDS, lambda run: _quantile(run.document.rows, 0.5)),
        _all("99th percentile wait", Unit.SECONDS, lambda run: _quantile(run.document.rows, 0.99)),
        _all("longest wait", Unit.SECONDS, lambda run: _longest(run.document.rows)),
    ]  # fmt: skip
    runs = [*one, *other]
    found += [_of_file(name) for name in _hottest(runs, lambda row: name_of(row.inode), MOST_FILES)]
    found += [_of_node(int(node)) for node in sorted(_words(runs, lambda row: row.node), key=int)]
    found += [_of_rows("operation", word) for word in _hottest(runs, lambda row: row.operation)]
    found += [_of_rows("cause", word) for word in _hottest(runs, lambda row: row.cause)]
    return found


def _all(what: str, unit: Unit, values: Callable[[Run], float | None]) -> Measure:
    return Measure("all", "", what, unit, values)


def _of_file(name: str) -> Measure:
    def values(run: Run) -> float | None:
        changes = sum(
            one.count for one in run.document.tree_operations if name_of(one.inode) == name
        )
        rows = (row for row in run.document.rows if name_of(row.inode) == name)
        return _per(sum(row.wait_seconds for row in rows), changes)

    return Measure("file", name, HEADLINE, Unit.SECONDS, values)


def _of_node(node: int) -> Measure:
    def values(run: Run) -> float | None:
        changes = sum(one.count for one in run.document.tree_operations if one.node == node)
        rows = (row for row in run.document.rows if row.node == node)
        return _per(sum(row.wait_seconds for row in rows), changes)

    return Measure("node", str(node), HEADLINE, Unit.SECONDS, values)


def _of_rows(scope: str, word: str) -> Measure:
    """By the changes of all files, so that the parts add up to the whole."""

    def values(run: Run) -> float | None:
        rows = (row for row in run.document.rows if getattr(row, scope) == word)
        return _per(sum(row.wait_seconds for row in rows), run.changes)

    return Measure(scope, word, HEADLINE, Unit.SECONDS, values)


def _per(part: float | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _words(runs: Iterable[Run], key: Callable[[RunRow], object]) -> dict[str, float]:
    """Each value of a key with the seconds that were waited under it."""
    found: dict[str, float] = {}
    for run in runs:
        for row in run.document.rows:
            word = key(row)
            if word is not None and row.wait_seconds:
                found[str(word)] = found.get(str(word), 0.0) + row.wait_seconds
    return found


def _hottest(
    runs: Sequence[Run], key: Callable[[RunRow], object], most: int | None = None
) -> list[str]:
    found = _words(runs, key)
    return sorted(found, key=lambda word: -found[word])[:most]


def _longest(rows: Sequence[RunRow]) -> float | None:
    return max((row.wait_seconds_max for row in rows if row.contended), default=None)


def _quantile(rows: Iterable[RunRow], share: float) -> float | None:
    """From histograms: within a bucket waits are taken to lie evenly, so it is exact to a factor of
    two and usually much better. The last bucket has no end but the longest wait.
    """
    counts: list[int] = []
    bounds: list[float] = []
    longest = 0.0
    for row in rows:
        if row.wait_buckets is not None:
            bounds = row.wait_buckets.le
            counts = counts or [0] * len(row.wait_buckets.count)
            counts = [a + b for a, b in zip(counts, row.wait_buckets.count, strict=True)]
            longest = max(longest, row.wait_seconds_max)
    if not counts:
        # A run without a wait has no bounds either.
        return None
    rest = share * sum(counts)
    below = 0.0
    for count, bound in zip(counts, [*bounds, longest], strict=True):
        above = min(bound, longest)
        if count and rest <= count:
            return below + (above - below) * rest / count
        rest -= count
        below = above
    return longest or None
