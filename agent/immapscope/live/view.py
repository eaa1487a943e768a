# SPDX-License-Identifier: GPL-2.0-or-later
"""What the person at the keyboard wants to see, and what each key changes about that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from immapscope.grouping import Key, SortKey
from immapscope.live.keys import BACKSPACE, CLEAR, ENTER, ESCAPE
from immapscope.snapshot import Mode

#: What `g` goes through, after what was asked for on the command line.
_GROUPINGS: Final[tuple[tuple[Key, ...], ...]] = (
    (Key.INODE, Key.NODE, Key.OPERATION),
    (Key.INODE,),
    (Key.INODE, Key.CAUSE, Key.OPERATION),
    (Key.INODE, Key.NODE, Key.HOLDER),
    (Key.INODE, Key.SHARD),
    (Key.NODE,),
)

_SORTS: Final = (SortKey.WAIT, SortKey.CONTENDED, SortKey.MAX, SortKey.SPIN, SortKey.NAME)
_SORTS_OF_FULL_MODE: Final = (SortKey.ACQUISITIONS, SortKey.HOLD)

_LONGEST_FILTER: Final = 255

#: Every key and what it does, as the help says it.
HELP: Final = (
    ("s, S", "sort by the next, the previous column"),
    ("g, G", "group by the next, the previous keys"),
    ("/", "show only files of this name: as --inode takes it, or any part of it"),
    ("t", "the last interval, per second, or all since the start"),
    ("space", "pause, and go on"),
    ("?", "this help; any key leaves it"),
    ("q", "quit"),
)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. `typed` is a filter that is being typed, None where none is."""

    mode: Mode
    groupings: tuple[tuple[Key, ...], ...]
    sort: SortKey
    grouping: int = 0
    filter: str = ""
    typed: str | None = None
    since_start: bool = False
    paused: bool = False
    help: bool = False
    quit: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        """What rows are grouped by."""
        return self.groupings[self.grouping]

    @property
    def wanted(self) -> str:
        """The filter in force: one that is being typed is seen at work."""
        return self.filter if self.typed is None else self.typed

    def after(self, key: str) -> View:
        """The view once this key was pressed; the same where it means nothing."""
        if self.typed is not None:
            return self._typing(self.typed, key)
        if self.help and key != "q":
            return replace(self, help=False)
        match key:
            case "s" | "S":
                return self._sorted_by(1 if key == "s" else -1)
            case "g" | "G":
                step = 1 if key == "g" else -1
                return replace(self, grouping=(self.grouping + step) % len(self.groupings))
            case "/":
                return replace(self, typed="")
            case "t":
                return replace(self, since_start=not self.since_start)
            case " ":
                return replace(self, paused=not self.paused)
            case "?" | "h":
                return replace(self, help=True)
            case "q":
                return replace(self, quit=True)
            case _:
                return self

    def _typing(self, typed: str, key: str) -> View:
        if key == ENTER:
            return replace(self, filter=typed, typed=None)
        if key == ESCAPE:
            return replace(self, typed=None)
        if key in (BACKSPACE, CLEAR):
            return replace(self, typed=typed[:-1] if key == BACKSPACE else "")
        return replace(self, typed=(typed + key)[:_LONGEST_FILTER])

    def _sorted_by(self, step: int) -> View:
        sorts = sorts_of(self.mode)
        here = sorts.index(self.sort) if self.sort in sorts else -1
        return replace(self, sort=sorts[(here + step) % len(sorts)])


def first_view(mode: Mode, keys: tuple[Key, ...] | None, sort: SortKey) -> View:
    """What is shown at first; `keys` None is what `trace` shows."""
    chosen = keys or _GROUPINGS[0]
    others = tuple(grouping for grouping in _GROUPINGS if grouping != chosen)
    return View(mode, (chosen, *others), sort)


def sorts_of(mode: Mode) -> tuple[SortKey, ...]:
    """What rows can be sorted by, as far as there is a column for it."""
    return (*_SORTS, *_SORTS_OF_FULL_MODE) if mode is Mode.FULL else _SORTS
