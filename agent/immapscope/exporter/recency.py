# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files waited most lately: sums that fade, for files with and without series."""

from __future__ import annotations

from heapq import nlargest
from operator import itemgetter
from typing import Final

from immapscope.exporter.labels import FileLabels

#: What a file waited a minute ago counts half of what it waits now: at intervals of 15 s, a file
#: that always waits alike has 6.3 intervals' wait in its sum.
HALF_LIFE_SECONDS: Final = 60.0

#: As many files are told apart; one that waited less than all of these begins anew each time.
MOST_RANKED: Final = 10_000


class Recency:
    """The fading sum of wait, by file; what is less than 1 ns is none."""

    def __init__(self) -> None:
        #: By the text of a file's labels.
        self._sums: dict[str, float] = {}

    def fade(self, seconds: float) -> None:
        """So much time has passed."""
        left = 0.5 ** (seconds / HALF_LIFE_SECONDS)
        self._sums = {
            file: faded for file, sum_ns in self._sums.items() if (faded := sum_ns * left) >= 1
        }

    def add(self, file: FileLabels, wait_ns: int) -> None:
        """This file waited so much more."""
        if wait_ns:
            self._sums[file.text] = self.of(file) + wait_ns

    def forget_the_least(self) -> None:
        """So that files that come and go do not pile up."""
        if len(self._sums) > MOST_RANKED:
            most = nlargest(MOST_RANKED, self._sums.items(), key=itemgetter(1, 0))
            self._sums = dict(most)

    def of(self, file: FileLabels) -> float:
        """Nanoseconds; 0 for a file that did not wait lately."""
        return self._sums.get(file.text, 0.0)
