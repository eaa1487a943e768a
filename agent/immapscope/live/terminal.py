# SPDX-License-Identifier: GPL-2.0-or-later
"""The terminal while `immapscope top` has it, and as it was before once that ends, however it ends.

What is written never waits for a terminal that takes nothing: a signal is still heard.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from rich.text import Text

from immapscope.live.keys import Keys
from immapscope.live.loop import Happened
from immapscope.live.paint import painted
from immapscope.signals import Signals

#: Its own screen, no cursor, nothing wraps; and back again, colours too.
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_CLEAR_BELOW: Final = "\x1b[J"

_STOPPING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_URGENT: Final = _STOPPING | {signal.SIGTSTP}
_WATCHED: Final = (*_URGENT, signal.SIGWINCH, signal.SIGCONT)

#: Seconds that a terminal has to take the last bytes.
_PATIENCE: Final = 1.0
_USUAL_SIZE: Final = (80, 24)


class Terminal:
    """Enter it to take the terminal. `size`, `draw` and `wait` are those of a `Screen`."""

    def __init__(self, keyboard: int, display: int, *, color: bool, encoding: str) -> None:
        self._keyboard = keyboard
        self._display = display
        self._color = color
        self._encoding = encoding
        self._keys = Keys()
        self._signals = _Wakeups(_WATCHED)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; of a terminal that does not know them, the usual ones."""
        try:
            size = os.get_terminal_size(self._display)
        except OSError:
            return _USUAL_SIZE
        return (size.columns, size.lines) if size.columns and size.lines else _USUAL_SIZE

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these lines; what does not fit is cut off."""
        width, height = self.size
        self._write(_HOME + "\r\n".join(painted(lines[:height], width, self._color)) + _CLEAR_BELOW)

    def wait(self, until: float | None) -> Happened:
        """Until a key, a signal, or `until` (time.monotonic())."""
        self._signals.wait_for([self._keyboard], [], until)
        if self._signals.seen & _STOPPING:
            return Happened(stop=True)
        self._signals.take(signal.SIGWINCH)
        if self._signals.take(signal.SIGTSTP):
            self._suspend()
        if self._signals.take(signal.SIGCONT):
            # Whoever had the terminal meanwhile may have changed it.
            self._take()
        return self._typed()

    def _typed(self) -> Happened:
        if not select.select([self._keyboard], [], [], 0)[0]:
            return Happened()
        content = b""
        with suppress(OSError):
            content = os.read(self._keyboard, 1024)
        # Nothing to read where there was something: the terminal is gone.
        return Happened(self._keys.typed(content)) if content else Happened(stop=True)

    def _suspend(self) -> None:
        """Stop as Ctrl-Z asks for, with the terminal as it was before."""
        self._give_back()
        with _default_action(signal.SIGTSTP):
            signal.raise_signal(signal.SIGTSTP)
        self._signals.take(signal.SIGCONT)
        self._take()

    def _take(self) -> None:
        mode = termios.tcgetattr(self._keyboard)
        # Ctrl-S must not stop what Ctrl-C could then not end.
        mode[0] &= ~(termios.IXON | termios.IXOFF)
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        _persistently(lambda: termios.tcsetattr(self._keyboard, termios.TCSANOW, mode))
        self._write(ENTER)

    def _give_back(self) -> None:
        """A terminal that has gone meanwhile needs nothing."""
        with suppress(termios.error):
            # What it has not shown yet it need not show any more.
            termios.tcflush(self._display, termios.TCOFLUSH)
        self._write(LEAVE, until=time.monotonic() + _PATIENCE)
        with suppress(termios.error):
            _persistently(lambda: termios.tcsetattr(self._keyboard, termios.TCSANOW, self._before))

    def _write(self, text: str, until: float | None = None) -> None:
        """All of it, unless the terminal takes nothing until then, or until a signal is urgent."""
        rest = text.encode(self._encoding, "replace")
        while rest:
            try:
                rest = rest[os.write(self._output, rest) :]
            except BlockingIOError:
                late = until is not None and time.monotonic() >= until
                if late or (until is None and self._signals.seen & _URGENT):
                    return
                self._signals.wait_for([], [self._output], until)
            except OSError:
                # It is gone, as reading from it will tell.
                return

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._keyboard)
        self._output = _not_blocking(self._display)
        self._signals.__enter__()
        try:
            self._take()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._give_back()
        self._signals.__exit__()
        os.close(self._output)


class _Wakeups(Signals):
    """Signals that can be waited for together with descriptors."""

    def wait_for(
        self, readable: Sequence[int], writable: Sequence[int], until: float | None
    ) -> None:
        """Until a signal comes, one of these is ready, or that moment (time.monotonic())."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        signals = self._reader.fileno()
        ready, _, _ = select.select([signals, *readable], writable, [], timeout)
        if signals in ready:
            self._reader.recv(4096)


def _not_blocking(display: int) -> int:
    """The same terminal, opened anew: whether a write blocks is shared with who else has it."""
    try:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(os.ttyname(display), flags)
    except OSError:
        # In a container its name may lead nowhere.
        return os.dup(display)


def _persistently(call: Callable[[], None]) -> None:
    """In the background the call itself stops the process, and SIGCONT interrupts it."""
    while True:
        try:
            return call()
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise


@contextmanager
def _default_action(number: signal.Signals) -> Iterator[None]:
    handler = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, handler)
