# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a terminal that a person sits at: what is shown there, and what is typed."""

from __future__ import annotations

import os
import select
import termios
import time
from typing import Any, Final

#: Seconds; only a failure takes so long.
PATIENCE: Final = 20.0


_MARK = b"\0so far\0"


class Pty:
    """A pair of ends; `screen` is what a program gets, as its standard streams."""

    def __init__(self) -> None:
        self.person, self.screen = os.openpty()
        self.shown = b""
        self._unread = b""
        self.resize(80, 24)

    def resize(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self.person, (lines, columns))

    def type(self, keys: bytes) -> None:
        os.write(self.person, keys)

    @property
    def mode(self) -> list[Any]:
        """The terminal's settings, as termios has them."""
        return termios.tcgetattr(self.screen)

    def read(self) -> bytes:
        """What was shown since the last time.

        The kernel passes it on in its own time (flush_to_ldisc, drivers/tty/tty_buffer.c), in
        order: all of it is there when a mark that is shown last is.
        """
        os.write(self.screen, _MARK)
        seen = self.read_until(_MARK).removesuffix(_MARK)
        self.shown = self.shown.replace(_MARK, b"")
        return seen

    def read_until(self, words: bytes) -> bytes:
        """What is shown from now on, up to these words; what follows them is left for next time."""
        ends = time.monotonic() + PATIENCE
        while words not in self._unread:
            left = ends - time.monotonic()
            assert left > 0, f"{words!r} is not in {self._unread!r}"
            if select.select([self.person], [], [], left)[0]:
                self._unread += self._shown_now()
        until = self._unread.index(words) + len(words)
        seen, self._unread = self._unread[:until], self._unread[until:]
        return seen

    def _shown_now(self) -> bytes:
        new = os.read(self.person, 65536)
        self.shown += new
        return new

    def close(self) -> None:
        os.close(self.person)
        os.close(self.screen)
