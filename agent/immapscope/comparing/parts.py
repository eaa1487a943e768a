# SPDX-License-Identifier: GPL-2.0-or-later
"""A run by its parts: what it measured of each file, node, operation and cause, and of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat
from operator import add
from typing import Final

from immapscope.comparing.runs import Changes, Document, File, Run, RunRow
from immapscope.grouping import Key


class Scope(StrEnum):
    """What a measure is of."""

    ALL = "all"
    FILE = "file"
    NODE = "node"
    OPERATION = "operation"
    CAUSE = "cause"


#: What rows must be grouped by, so that a part is known.
PARTS: Final = {
    Scope.FILE: Key.INODE,
    Scope.NODE: Key.NODE,
    Scope.OPERATION: Key.OPERATION,
    Scope.CAUSE: Key.CAUSE,
}


@dataclass(slots=True)
class Part:
    """Sums over the rows of one part; `acquisitions` None where they were not counted.

    `changes`: tree operations of the part itself. `counts`: the histogram of waits, each up to one
    of `bounds` in seconds, the last above all; empty where nothing was waited for.
    """

    acquisitions: int | None = 0
    contended: int = 0
    wait_seconds: float = 0.0
    changes: int = 0
    bounds: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    _longest: float = 0.0

    @property
    def longest(self) -> float | None:
        """Seconds; None where nothing was waited for."""
        return self._longest if self.contended else None

    def add(self, row: RunRow) -> None:
        """Takes a row in."""
        if self.acquisitions is not None:
            known = row.acquisitions is not None
            self.acquisitions = self.acquisitions + (row.acquisitions or 0) if known else None
        self.contended += row.contended
        self.wait_seconds += row.wait_seconds
        self._longest = max(self._longest, row.wait_seconds_max)
        if row.wait_buckets is not None:
            self.bounds = row.wait_buckets.le
            added = self.counts or repeat(0, len(row.wait_buckets.count))
            self.counts = list(map(add, added, row.wait_buckets.count))

    def quantile(self, share: float) -> float | None:
        """Seconds; None where nothing was waited for.

        Within a bucket waits are taken to lie evenly, so it is exact to a factor of two and usually
        much better. The last bucket has no end but the longest wait.
        """
        rest = share * sum(self.counts)
        if not rest:
            return None
        below = 0.0
        for count, bound in zip(self.counts, [*self.bounds, self._longest], strict=True):
            above = min(bound, self._longest)
            if count and rest <= count:
                return below + (above - below) * rest / count
            rest -= count
            below = above
        return self._longest


class Parts:
    """Those of a run."""

    def __init__(self, run: Run) -> None:
        document = run.document
        self.all = Part()
        self._by = frozenset(document.by)
        self._nothing = Part(acquisitions=None if document.totals.acquisitions is None else 0)
        # What --top summed up may be of any part, and no part is known in full.
        self._whole = not any(row.rest_of for row in document.rows)
        self._found: dict[tuple[Scope, str], Part] = {}
        self._nameless = Part()
        self._fill(document)

    def _fill(self, document: Document) -> None:
        for row in document.rows:
            self.all.add(row)
            if row.inode is None:
                self._nameless.add(row)
            for place in _places(row):
                self._found.setdefault(place, Part()).add(row)
        for changes in document.tree_operations:
            self.all.changes += changes.count
            for place in _places(changes):
                self._found.setdefault(place, Part()).changes += changes.count

    def names(self, scope: Scope) -> dict[str, float]:
        """The parts that waited, with the seconds that each did."""
        return {
            name: part.wait_seconds
            for (of, name), part in self._found.items()
            if of is scope and part.wait_seconds and self.part(scope, name) is not None
        }

    def part(self, scope: Scope, name: str) -> Part | None:
        """Of that name. None where it is not known; a part without a row waited for nothing."""
        if scope is Scope.ALL:
            return self.all
        if PARTS[scope] not in self._by or not self._whole:
            return None
        found = self._found.get((scope, name))
        # Files beyond the slots have no name: one that is missed may be among them.
        missed = scope is Scope.FILE and self._nameless.contended
        return found or (None if missed else self._nothing)


def name_of(file: File) -> str:
    """What a file is called on every kernel: its name; by number alone it is not found again."""
    return file.name or f"{file.device}:{file.number}"


def _places(of: RunRow | Changes) -> Iterator[tuple[Scope, str]]:
    if of.inode is not None:
        yield Scope.FILE, name_of(of.inode)
    if of.node is not None:
        yield Scope.NODE, str(of.node)
    if isinstance(of, RunRow):
        if of.operation is not None:
            yield Scope.OPERATION, of.operation
        if of.cause is not None:
            yield Scope.CAUSE, of.cause
