# SPDX-License-Identifier: GPL-2.0-or-later
"""The account of all that has no series of its own, never larger than its part of the limit."""

from __future__ import annotations

from typing import Final

from immapscope.exporter.account import Account
from immapscope.exporter.families import COUNTERS, Family, lines_of
from immapscope.exporter.increments import Increment
from immapscope.exporter.keys import Key, Keys

#: Lines that `other` has at its coarsest: one series of each metric.
COARSEST_LINES: Final = len(COUNTERS) + lines_of(Family.DURATION)


class Other:
    """What was summed; a series, once there, stays.

    On a machine with so many nodes and shards that even `other` would take too many lines, what
    would need a new series is counted under empty labels instead.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.account: Final = Account(keys)
        self._fine_lines = 0

    @property
    def lines(self) -> int:
        """The sample lines it has."""
        return self.account.lines

    def lines_for(self, number: int) -> int:
        """The lines that it would take to have the series of this key, too."""
        return 0 if number in self.account.values else self._keys.lines[number]

    def add(self, increment: Increment, most: int) -> None:
        """Adds the counts, where `most` lines are its limit. Vmas of many files have no sum."""
        for number, count in increment.counts.items():
            self.account.add_to(self._own_or_coarse(number, most), count)

    def _own_or_coarse(self, number: int, most: int) -> int:
        if number in self.account.values:
            return number
        key = self._keys[number]
        coarse = Key(key.family, ("",) * len(key.labels), key.bucket)
        if key == coarse:
            return number
        if key.family is Family.BUCKET:
            # A histogram is there as a whole, or its waits are in the coarse one.
            whole = self._keys.number(Key(Family.DURATION, key.labels))
            return number if whole in self.account.values else self._keys.number(coarse)
        lines = self._keys.lines[number]
        if self._fine_lines + lines > most - COARSEST_LINES:
            return self._keys.number(coarse)
        self._fine_lines += lines
        return number
