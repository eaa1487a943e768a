# SPDX-License-Identifier: GPL-2.0-or-later
"""The terminal is taken, drawn on, and left as it was, whatever happens meanwhile."""

from __future__ import annotations

import os
import re
import signal
import termios
import time

import pytest
from rich.text import Text

from immapscope.live.loop import Happened
from immapscope.live.terminal import ENTER, LEAVE, Terminal
from tests.live.ptys import Pty


def terminal(pty: Pty, *, color: bool = True, encoding: str = "utf-8") -> Terminal:
    return Terminal(pty.screen, pty.screen, color=color, encoding=encoding)


def in_a_while(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_it_is_left_as_it_was(pty: Pty) -> None:
    before = pty.mode
    with terminal(pty):
        assert not pty.mode[3] & (termios.ICANON | termios.ECHO)
        assert pty.mode[3] & termios.ISIG
        assert pty.read() == ENTER.encode()
    assert pty.mode == before
    assert pty.read() == LEAVE.encode()


def test_what_is_taken_is_given_back() -> None:
    switches = dict(re.findall(r"(\?\d+)([hl])", ENTER))
    assert dict(re.findall(r"(\?\d+)([hl])", LEAVE)) == {
        switch: "l" if state == "h" else "h" for switch, state in switches.items()
    }


def test_it_is_left_as_it_was_after_an_exception(pty: Pty) -> None:
    before, handler = pty.mode, signal.getsignal(signal.SIGTERM)

    def fail() -> None:
        with terminal(pty):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pty.mode == before
    assert pty.read().endswith(LEAVE.encode())
    assert signal.getsignal(signal.SIGTERM) == handler


def test_lines_are_drawn_over_what_is_there_and_nothing_scrolls(pty: Pty) -> None:
    with terminal(pty) as screen:
        pty.read()
        screen.draw([Text("libc.so.6", "bold"), Text("x" * 80), Text("last")])
        drawn = pty.read().decode()
    first, second, third = re.split("\r+\n", drawn)
    assert first == "\x1b[H\x1b[1mlibc.so.6\x1b[0m\x1b[K"
    # A line that fills the terminal is not cleared from its last cell on.
    assert second == "x" * 80
    assert third == "last\x1b[K\x1b[J"


def test_what_does_not_fit_is_cut_off(pty: Pty) -> None:
    pty.resize(10, 2)
    with terminal(pty) as screen:
        pty.read()
        screen.draw([Text("a" * 30), Text("字" * 30), Text("c")])
        drawn = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", pty.read().decode())
    assert re.split("\r+\n", drawn) == ["a" * 10, "字" * 5]


def test_without_colour_what_is_marked_stays_marked(pty: Pty) -> None:
    def drawn(*, color: bool) -> bytes:
        with terminal(pty, color=color) as screen:
            pty.read()
            screen.draw([Text("x", "bold cyan")])
            return pty.read()

    assert b"\x1b[1;36m" in drawn(color=True)
    assert b"\x1b[1m" in drawn(color=False)
    assert b"36" not in drawn(color=False)


def test_what_the_terminal_cannot_spell_takes_its_place(pty: Pty) -> None:
    with terminal(pty, encoding="ascii") as screen:
        pty.read()
        screen.draw([Text("é…")])
        assert b"??" in pty.read()


def test_the_size_is_that_of_the_terminal(pty: Pty) -> None:
    screen = terminal(pty)
    assert screen.size == (80, 24)
    pty.resize(200, 60)
    assert screen.size == (200, 60)
    pty.resize(0, 0)
    assert screen.size == (80, 24)


def test_keys_end_a_wait(pty: Pty) -> None:
    with terminal(pty) as screen:
        pty.type(b"s\x1b[Aq")
        assert screen.wait(in_a_while()) == Happened(["s", "q"])


def test_a_wait_ends_in_time(pty: Pty) -> None:
    with terminal(pty) as screen:
        assert screen.wait(time.monotonic()) == Happened()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda n: n.name
)
def test_a_signal_to_end_is_heard(pty: Pty, number: signal.Signals) -> None:
    with terminal(pty) as screen:
        os.kill(os.getpid(), number)
        assert screen.wait(in_a_while()) == Happened(stop=True)


def test_a_new_size_ends_a_wait(pty: Pty) -> None:
    with terminal(pty) as screen:
        os.kill(os.getpid(), signal.SIGWINCH)
        assert screen.wait(None) == Happened()


def test_a_terminal_that_goes_ends_it() -> None:
    pty = Pty()
    with terminal(pty) as screen:
        os.close(pty.person)
        screen.draw([Text("x")])
        assert screen.wait(in_a_while()) == Happened(stop=True)
    os.close(pty.screen)


def test_a_terminal_that_shows_nothing_any_more_does_not_keep_it(pty: Pty) -> None:
    before = pty.mode
    lines = [Text("x" * 79) for _ in range(24)]
    with terminal(pty) as screen:
        os.kill(os.getpid(), signal.SIGTERM)
        # Nobody reads: after some of these no more can be written.
        for _ in range(100):
            screen.draw(lines)
        assert screen.wait(None) == Happened(stop=True)
    assert pty.mode == before


def test_whoever_continues_it_finds_it_as_it_was_taken(pty: Pty) -> None:
    before = pty.mode
    with terminal(pty) as screen:
        taken = pty.mode
        termios.tcsetattr(pty.screen, termios.TCSANOW, before)
        pty.read()
        os.kill(os.getpid(), signal.SIGCONT)
        assert screen.wait(None) == Happened()
        assert pty.mode == taken
        assert pty.read() == ENTER.encode()
    assert pty.mode == before
