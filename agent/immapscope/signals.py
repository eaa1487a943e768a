# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals as something to wait for: nothing is interrupted, the loop looks when it is ready."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Iterable


class Signals:
    """Collects these signals while it is entered; they do nothing else meanwhile."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self.seen: set[signal.Signals] = set()
        self._numbers = tuple(numbers)

    def take(self, number: signal.Signals) -> bool:
        """Whether this one came; it is forgotten then."""
        came = number in self.seen
        self.seen.discard(number)
        return came

    def wait(self, *moments: float | None) -> None:
        """Until a signal comes or the first of these moments (time.monotonic()) is there."""
        due = [moment for moment in moments if moment is not None]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        if select.select([self._reader], [], [], timeout)[0]:
            self._reader.recv(4096)

    def __enter__(self) -> Signals:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = {number: signal.signal(number, self._came) for number in self._numbers}
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno())
        return self

    def _came(self, number: int, frame: object) -> None:
        self.seen.add(signal.Signals(number))

    def __exit__(self, *error: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            # A child that ends at this moment may have been noted by a thread of a library: Python
            # would find no handler then and say so on stderr. To do nothing is SIGCHLD's default.
            unhandled = number == signal.SIGCHLD and handler == signal.SIG_DFL
            signal.signal(number, _nothing if unhandled else handler)
        self._reader.close()
        self._writer.close()


def _nothing(number: int, frame: object) -> None:
    pass
