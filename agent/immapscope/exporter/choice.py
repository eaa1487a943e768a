# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files have series of their own. The number of sample lines never exceeds the limit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from immapscope.exporter.labels import FileLabels
from immapscope.exporter.other import Other

#: By so much a file must have waited more than one that has series to take its place, so that
#: files that wait alike do not take turns.
HYSTERESIS: Final = 1.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that has series, or has something new.

    `recent_ns` is its fading sum of wait, `idle` whether nothing was new of it for long, `events`
    what is new. `lines` is what its own series would take, `numbers` the keys of what is new,
    which `other` must take if the file has no series.
    """

    file: FileLabels
    recent_ns: float
    has_series: bool
    idle: bool
    events: int
    lines: int
    numbers: Collection[int]


def choose(
    candidates: Sequence[Candidate],
    room: int,
    other: Other,
    nameless: Collection[int],
    most_of_other: int,
) -> set[FileLabels]:
    """The files that have their own series, where `room` lines are for them and `other`.

    In order of standing, each file whose series fit is chosen. What the others add to `other`, and
    what belongs to no known file (`nameless`), must fit too: so it is chosen anew with that much
    room set aside, which only grows, until it is enough.
    """
    ranked = sorted(candidates, key=_standing)
    aside = other.lines
    while True:
        chosen: list[Candidate] = []
        spilled = _Spilled(other, most_of_other)
        spilled.add(nameless)
        left = room - aside
        for candidate in ranked:
            if 0 < candidate.lines <= left:
                chosen.append(candidate)
                left -= candidate.lines
            else:
                spilled.add(candidate.numbers)
        if spilled.lines <= aside + max(left, 0):
            return {candidate.file for candidate in chosen}
        aside = spilled.lines


class _Spilled:
    """The lines that `other` will have at most, once it took all that is added here."""

    def __init__(self, other: Other, most: int) -> None:
        self._other = other
        self._most = max(most, other.lines)
        self._seen: set[int] = set()
        self._lines = other.lines

    @property
    def lines(self) -> int:
        return min(self._lines, self._most)

    def add(self, numbers: Collection[int]) -> None:
        for number in numbers:
            if number not in self._seen:
                self._seen.add(number)
                self._lines += self._other.lines_for(number)


def _standing(candidate: Candidate) -> tuple[float, bool, bool, int, FileLabels]:
    """The first come first.

    Wait decides. A file that did not wait takes a place only from one that has long been idle too:
    files that merely come and go would else make new series at every snapshot. The last resort is
    the name, so that the choice is never left to luck.
    """
    favour = HYSTERESIS if candidate.has_series else 1.0
    return (
        -candidate.recent_ns * favour,
        candidate.idle,
        not candidate.has_series,
        -candidate.events,
        candidate.file,
    )
