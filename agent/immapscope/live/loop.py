# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop of `immapscope top`: read, show, and do what the keys say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.text import Text

from immapscope.live.page import page
from immapscope.live.readings import Readings, Source
from immapscope.live.view import View


@dataclass(frozen=True, slots=True)
class Happened:
    """What ended a wait: keys, the wish to stop, or neither: the time came, the size changed."""

    keys: Sequence[str] = ()
    stop: bool = False


class Screen(Protocol):
    """A terminal; `immapscope.live.terminal.Terminal` is one."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these instead of what is shown."""

    def wait(self, until: float | None) -> Happened:
        """Until something happens, at the latest until then by the loop's clock."""


def watch(
    source: Source,
    screen: Screen,
    view: View,
    interval: float,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Shows `source`, read every `interval` seconds, until a key or a signal ends it.

    The source is opened here and left open. While it is paused nothing is read; the next interval
    is as long as the pause was. Answers whether it was a key.
    """
    source.open()
    readings = Readings()
    due = clock() + interval
    while True:
        screen.draw(page(readings, view, *screen.size))
        happened = screen.wait(None if view.paused else due)
        if happened.stop:
            return False
        for key in happened.keys:
            view = view.after(key)
        if view.quit:
            return True
        now = clock()
        if now >= due and not view.paused:
            readings = readings.then(source.read())
            due = max(due + interval, now)
