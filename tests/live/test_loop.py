# SPDX-License-Identifier: GPL-2.0-or-later
"""Readings come by the clock, keys at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from immapscope.grouping import SortKey
from immapscope.live.loop import Happened, watch
from immapscope.live.view import first_view
from immapscope.snapshot import Mode
from tests.live.storm import Storm

VIEW = first_view(Mode.CONTENTION, None, SortKey.WAIT)
TIME_PASSES = Happened()
Step = tuple[float, Happened]


class ScriptedScreen:
    """Its own clock: each step says how long a wait lasts at most, and what it brings."""

    def __init__(self, *steps: Step, size: tuple[int, int] = (100, 20)) -> None:
        self.now = 100.0
        self.size = size
        self.drawn: list[list[str]] = []
        self.waits: list[float | None] = []
        self._steps: Iterator[Step] = iter(steps)

    def clock(self) -> float:
        return self.now

    def draw(self, lines: Sequence[Text]) -> None:
        self.drawn.append([line.plain for line in lines])

    def wait(self, until: float | None) -> Happened:
        self.waits.append(None if until is None else until - self.now)
        lasts, happened = next(self._steps)
        self.now += lasts
        return happened


def pressed(*keys: str, after: float = 0.0) -> Step:
    return after, Happened(keys)


def watched(storm: Storm, screen: ScriptedScreen) -> bool:
    return watch(storm, screen, VIEW, 2.0, screen.clock)


def test_a_reading_is_taken_each_interval_and_shown() -> None:
    storm = Storm(files=3)
    screen = ScriptedScreen((2.0, TIME_PASSES), (2.0, TIME_PASSES), pressed("q"))
    assert watched(storm, screen)
    assert (storm.opened, storm.closed, storm.reads) == (True, False, 2)
    assert screen.waits == [2.0, 2.0, 2.0]
    assert screen.drawn[0][0].startswith("measuring")
    assert [lines[2][:8] for lines in screen.drawn[1:]] == ["last 2.0", "last 2.0"]


def test_a_key_is_seen_at_once_and_moves_no_reading() -> None:
    storm = Storm(files=3)
    screen = ScriptedScreen((2.0, TIME_PASSES), pressed("s", after=0.5), pressed("q"))
    assert watched(storm, screen)
    assert storm.reads == 1
    assert screen.waits == [2.0, 2.0, 1.5]
    assert "sort contended" in screen.drawn[-1][2]


def test_keys_that_come_together_count_each() -> None:
    screen = ScriptedScreen((2.0, TIME_PASSES), pressed("s", "s", "t"), pressed("q"))
    watched(Storm(files=3), screen)
    assert screen.drawn[-1][2] == "since the start, 2.00 s | by inode,node,operation | sort max"


def test_a_pause_reads_nothing_and_what_follows_spans_it() -> None:
    times = iter([2_000_000_000, 60_000_000_000])
    storm = Storm(files=3, since_last_ns=lambda: next(times))
    screen = ScriptedScreen(
        (2.0, TIME_PASSES), pressed(" "), pressed("s", after=60.0), pressed(" "), pressed("q")
    )
    watched(storm, screen)
    assert storm.reads == 2
    assert screen.waits[2:4] == [None, None]
    assert screen.drawn[3][2].startswith("PAUSED | last 2.00 s")
    assert screen.drawn[4][2].startswith("last 60.0 s")


def test_intervals_that_were_slept_through_are_one() -> None:
    storm = Storm(files=3)
    screen = ScriptedScreen((11.0, TIME_PASSES), (0.0, TIME_PASSES), pressed("q"))
    watched(storm, screen)
    assert storm.reads <= 2
    assert screen.waits[-1] == 2.0


def test_a_signal_ends_it_as_no_key_does() -> None:
    storm = Storm(files=3)
    assert not watched(storm, ScriptedScreen((0.1, Happened(stop=True))))
    assert not storm.closed


def test_a_new_size_is_drawn_at_once() -> None:
    screen = ScriptedScreen((2.0, TIME_PASSES), (0.1, TIME_PASSES), pressed("q"))
    watched(Storm(files=3), screen)
    assert [len(lines) for lines in screen.drawn] == [20, 20, 20]
