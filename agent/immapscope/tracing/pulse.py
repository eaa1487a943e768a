# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether programs that are attached still run.

Nobody tells whoever attached a probe that all were disabled (/sys/kernel/debug/kprobes/enabled;
kernel/kprobes.c, disarm_all_kprobes()): its counters just stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from immapscope.tracing.counting import Counting
from immapscope.tracing.mapping import OwnFile


def touch() -> None:
    """Changes a tree twice: a file of our own is mapped and unmapped. Raises OSError."""
    with closing(OwnFile()) as file:
        file.map()


class Pulse:
    """Of a session that counts changes of trees."""

    def __init__(self, counting: Counting, touch: Callable[[], None] = touch) -> None:
        self._counting = counting
        self._touch = touch
        self._before = self._changes()

    def beats(self) -> bool:
        """Whether changes were counted since the last time or, where none were, one is now.

        On a machine on which anybody maps files none of our own is.
        """
        if self._changes() == self._before:
            try:
                self._touch()
            except OSError:
                # Without memory for a mapping there is nothing to be learnt.
                return True
        before, self._before = self._before, self._changes()
        return self._before != before

    def _changes(self) -> int:
        used = len(self._counting.used_files)
        return int(self._counting.cells["tree"][:, :used].sum())
