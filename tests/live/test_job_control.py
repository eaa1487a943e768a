# SPDX-License-Identifier: GPL-2.0-or-later
"""Under a real shell: Ctrl-Z, bg, fg, Ctrl-C and a kill leave the terminal to its shell."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from immapscope.live.terminal import ENTER, LEAVE
from tests.live.ptys import PATIENCE, Pty

ROOT: Final = Path(__file__).parents[2]
#: Read often, since the first rows come with the second reading.
STORM: Final = f"{sys.executable} -m tests.live.storm contention 0.2"


@pytest.fixture
def shell(pty: Pty) -> Iterator[subprocess.Popen[bytes]]:
    """A shell with job control whose terminal `pty` is."""

    def own_terminal() -> None:
        os.login_tty(os.dup(0))

    environment = {**os.environ, "PS1": "$ ", "ENV": "", "PYTHONPATH": f"{ROOT}:{ROOT}/agent"}
    process = subprocess.Popen(
        ["sh", "-im"],
        stdin=pty.screen, stdout=pty.screen, stderr=pty.screen,
        env=environment, start_new_session=False, preexec_fn=own_terminal,
    )  # fmt: skip
    pty.read_until(b"$ ")
    try:
        yield process
        pty.type(b"exit\n")
        process.wait(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()


def test_it_stops_goes_on_and_ends(pty: Pty, shell: subprocess.Popen[bytes]) -> None:
    before = pty.mode
    pty.type(STORM.encode() + b"\n")
    pty.read_until(b"tasks waiting")
    assert not pty.mode[3] & termios.ICANON

    pty.type(b"\x1a")
    pty.read_until(LEAVE.encode())
    pty.read_until(b"$ ")
    assert pty.mode == before

    # In the background it waits for the terminal instead of taking it.
    pty.type(b"bg\n")
    pty.read_until(b"$ ")
    pty.type(b"echo still a sh''ell\n")
    pty.read_until(b"still a shell")
    assert pty.mode == before

    pty.type(b"fg\n")
    pty.read_until(ENTER.encode())
    pty.read_until(b"tasks waiting")
    assert not pty.mode[3] & termios.ICANON

    pty.type(b"q")
    ending = pty.read_until(b"$ ")
    assert LEAVE.encode() in ending
    assert b"ended by a key" in ending
    assert pty.mode == before


@pytest.mark.parametrize("keys", [b"\x03", b"\x1c"], ids=["Ctrl-C", "Ctrl-backslash"])
def test_a_signal_from_the_keyboard_ends_it(
    pty: Pty, shell: subprocess.Popen[bytes], keys: bytes
) -> None:
    before = pty.mode
    pty.type(STORM.encode() + b"\n")
    pty.read_until(b"tasks waiting")
    pty.type(keys)
    ending = pty.read_until(b"$ ")
    assert LEAVE.encode() in ending
    assert b"ended by a signal" in ending
    assert pty.mode == before


def test_a_new_size_is_drawn(pty: Pty, shell: subprocess.Popen[bytes]) -> None:
    pty.type(STORM.encode() + b"\n")
    pty.read_until(b"tasks waiting")
    assert "acqui" not in pty.read_until(b"? help").decode()
    pty.resize(200, 60)
    drawn = pty.read_until(b"\x1b[J").split(b"\x1b[H")[-1]
    while drawn.count(b"\r\n") != 59:
        drawn = pty.read_until(b"\x1b[J").split(b"\x1b[H")[-1]
    pty.type(b"q")
    pty.read_until(b"$ ")
