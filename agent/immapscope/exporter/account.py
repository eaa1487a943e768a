# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that are exposed under one file's labels, and how many sample lines they take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from immapscope.exporter.families import DURATION_BOUNDS, Family
from immapscope.exporter.increments import Increment
from immapscope.exporter.keys import Key, Keys


class Account:
    """`values` by number of key, times in ns; `vmas` by shard.

    `created`, in seconds since the epoch, is when all values were 0; it is given, and exposed with
    every counter, only where the file may have had series before that started again.
    """

    __slots__ = ("_keys", "created", "lines", "values", "vmas")

    def __init__(
        self, keys: Keys, created: float | None = None, values: dict[int, int] | None = None
    ) -> None:
        self._keys = keys
        self.created = created
        self.values = values or {}
        self.vmas: dict[str, int] = {}
        #: The sample lines of it.
        self.lines = self._lines_of(self.values)

    def lines_with(self, increment: Increment) -> int:
        """The sample lines that there would be with this increment."""
        new = increment.counts.keys() - self.values.keys()
        vmas = _with_new(self.vmas, increment.vmas) if increment.vmas else self.vmas
        return self.lines + self._lines_of(new) + len(vmas) - len(self.vmas)

    def add(self, increment: Increment) -> None:
        """Counts add up; vmas are what they are now, and gone where they are not known."""
        for number, count in increment.counts.items():
            self.add_to(number, count)
        if increment.vmas:
            before = len(self.vmas)
            self.vmas = _with_new(self.vmas, increment.vmas)
            self.lines += len(self.vmas) - before

    def add_to(self, number: int, count: int) -> None:
        """Adds to the value of the key with this number."""
        if number not in self.values:
            self.values[number] = 0
            self.lines += self._lines_of((number,))
        self.values[number] += count

    def in_order(self) -> list[tuple[Key, int]]:
        """Every value, in the order of families and labels."""
        return sorted((self._keys[number], value) for number, value in self.values.items())

    def total(self, family: Family) -> int:
        """The sum over all series of one metric."""
        return sum(value for key, value in self.in_order() if key.family is family)

    def _lines_of(self, numbers: Collection[int]) -> int:
        lines = self._keys.lines_of(numbers)
        if self.created is not None:
            lines += sum(self._keys.lines[number] > 0 for number in numbers)
        return lines


def _with_new(vmas: dict[str, int], new: dict[str, int | None]) -> dict[str, int]:
    """A series appears when it is first not 0, and then stays until nobody knows."""
    merged = dict(vmas)
    for shard, count in new.items():
        if count is None:
            merged.pop(shard, None)
        elif count or shard in merged:
            merged[shard] = count
    return merged


@dataclass(frozen=True, slots=True)
class Histogram:
    """The waits of one node: `counts` cumulative, one for each of DURATION_BOUNDS."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    sum_ns: int


def histograms(values: Iterable[tuple[Key, int]]) -> Iterator[Histogram]:
    """Each histogram of an account's values, in the order of nodes, which is theirs."""
    sums: dict[tuple[str, ...], int] = {}
    buckets: dict[tuple[str, ...], list[int]] = {}
    for key, value in values:
        if key.family is Family.DURATION:
            sums[key.labels] = value
            buckets[key.labels] = [0] * len(DURATION_BOUNDS)
        elif key.family is Family.BUCKET:
            buckets[key.labels][key.bucket] = value
    for labels, counts in buckets.items():
        total = 0
        cumulative = tuple(total := total + count for count in counts)
        yield Histogram(labels, cumulative, sums[labels])
