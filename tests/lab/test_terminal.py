# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees at a terminal of 80 columns: `top` and its keys, `record` as it goes on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROWS, COLUMNS = 24, 80
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>78()][B0]?")


class Terminal:
    """A pseudo-terminal, and all that was written to it."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            # Whose keys interrupt: a session of its own, which has this terminal.
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave,
            env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        os.close(slave)
        self.written = b""

    def until(self, wanted: bytes, seconds: float = 120) -> bytes:
        """What was written from the last call on until it had `wanted`, escapes left out."""
        begin, end = len(self.written), time.monotonic() + seconds
        while wanted not in (seen := _ESCAPE.sub(b"", self.written[begin:])):
            if time.monotonic() > end:
                raise AssertionError(f"no {wanted!r} in {seen[-3000:]!r}")
            if not select.select([self._master], [], [], 1)[0]:
                continue
            try:
                self.written += os.read(self._master, 65536)
            except OSError as error:
                raise AssertionError(f"it ended without {wanted!r}: {seen[-3000:]!r}") from error
        return seen

    def type(self, keys: str) -> None:
        """As a person would."""
        os.write(self._master, keys.encode())

    def status(self, seconds: float = 120) -> int:
        """How it ended, with all that it wrote until then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.written += os.read(self._master, 65536)
            except OSError:
                # Nobody has the other side any more.
                break
        return self.process.wait(10)

    def close(self) -> None:
        """Whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    made = Terminal(*command)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", autouse=True)
def storm() -> Iterator[None]:
    process = subprocess.Popen(
        ["sh", "-c", "while :; do ./execstorm 4 5 /usr/bin/true; sleep 1; done"],
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    yield
    os.killpg(process.pid, 9)
    process.wait()


def test_top_shows_who_waits_and_obeys_its_keys() -> None:
    with terminal("immapscope", "top") as screen:
        screen.until(b"libc.so.6", 240)
        screen.type("?")
        screen.until(b"quit")
        screen.type("?")
        screen.type("/ld-linux\r")
        screen.until(b"ld-linux")
        screen.type("q")
        assert screen.status() == 0
    # The terminal is as it was: the other screen is left, the cursor is there again.
    written = screen.written
    assert written.rfind(b"\x1b[?1049l") > written.rfind(b"\x1b[?1049h")
    assert written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l")


def test_record_says_how_far_it_is_and_keeps_on_an_interrupt() -> None:
    with terminal("immapscope", "record", "-o", "seen.parquet", "--duration", "120s") as screen:
        line = screen.until(b" a second", 240)
        assert re.search(rb"\d+ s: [\d,]+ rows, [\d,]+ a second", line)
        screen.type("\x03")
        screen.until(b"acquisitions, ")
        assert screen.status() == 130
    assert Path("seen.parquet").stat().st_size > 0
