# SPDX-License-Identifier: GPL-2.0-or-later
"""`top` from the command line to what is left on the terminal, on a session that no kernel made."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TextIO

import click
import pytest

from immapscope.cli.top import _summary, top
from immapscope.errors import CannotTraceError, UsageError
from immapscope.live.terminal import ENTER, LEAVE
from immapscope.snapshot import Loss, LossUnit, Mode
from immapscope.tracing.counters import Counters
from immapscope.tracing.request import Attach
from tests.cli.machines import Traced
from tests.live.ptys import Pty
from tests.synthetic import exec_storm, snapshot_of
from tests.tracing.counted import Counted
from tests.tracing.fakes import FakeSession

Top = Callable[..., int]


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.close()


@pytest.fixture
def immapscope_top(monkeypatch: pytest.MonkeyPatch, pty: Pty) -> Iterator[Top]:
    """Runs the command with these options on that terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*words: str, **streams: TextIO) -> int:
        # Here and not before: pytest has streams of its own for each phase of a test.
        for name, stream in {"stdin": keyboard, "stdout": display, **streams}.items():
            monkeypatch.setattr(sys, name, stream)
        with top.make_context("top", list(words)) as context:
            status = top.invoke(context)
        assert isinstance(status, int)
        return status

    with (
        open(pty.screen, closefd=False) as keyboard,
        open(pty.screen, "w", closefd=False) as display,
    ):
        yield run


def test_q_ends_it_and_what_it_came_to_stays(immapscope_top: Top, pty: Pty, traced: Traced) -> None:
    before = pty.mode
    pty.type(b"q")
    assert immapscope_top() == 0
    screen, _, left = pty.read().decode().partition(LEAVE)
    # What is typed that early may still be echoed before, and is obeyed before anything is drawn.
    # And who leaves drops what the terminal has not taken yet (TCOFLUSH).
    assert screen.removeprefix("q").startswith(ENTER) or screen in ("", "q")
    assert left == (
        "1.00 s in contention mode\r\n"
        "waited: 50.0 us in 2 waits; <0.001 tasks waiting on average; 40.0 % of it spinning\r\n"
    )
    assert pty.mode == before
    assert traced.session.closed


def test_rows_are_shown_each_interval(immapscope_top: Top, pty: Pty, traced: Traced) -> None:
    def second_reading(counted: Counted) -> None:
        if traced.session.duration_ns == 2_000_000_000:
            pty.type(b"q")

    traced.before_each = second_reading
    assert immapscope_top("--interval", "100ms") == 0
    first, _, rows = pty.read().decode().partition("measuring")
    assert ENTER in first
    assert re.search(r"libc\.so\.6 ", rows)


def test_a_signal_ends_it_and_what_it_came_to_stays(
    immapscope_top: Top, pty: Pty, traced: Traced
) -> None:
    def end_the_first_time(counted: Counted) -> None:
        if not traced.session.closed:
            os.kill(os.getpid(), signal.SIGTERM)

    traced.before_each = end_the_first_time
    assert immapscope_top("--interval", "100ms") == 130
    left = pty.read().decode().rpartition(LEAVE)[2]
    assert left.startswith("2.00 s in contention mode\r\nwaited: ")
    assert traced.session.closed


def test_options_reach_the_session_and_the_screen(
    immapscope_top: Top, pty: Pty, traced: Traced
) -> None:
    reads: list[int] = []

    def end(counted: Counted) -> None:
        reads.append(1)
        if len(reads) == 2:
            pty.type(b"q")

    traced.before_each = end
    immapscope_top(
        "--mode", "full", "--attach", "kprobe", "--max-files", "99", "--max-states", "7",
        "--by", "cause", "--sort", "max", "--inode", "libc.so", "--interval", "0.1",
    )  # fmt: skip
    request, (sizes,) = traced.session.request, traced.sizes
    assert (request.mode, request.attach) == (Mode.FULL, Attach.KPROBE)
    assert (sizes.files, sizes.waiting, sizes.held) == (99, 7, 7)
    shown = pty.read().decode()
    assert "by cause | sort max" in shown
    assert "ld-linux" not in shown


def test_a_session_that_fails_leaves_the_terminal_as_it_was(
    immapscope_top: Top, pty: Pty, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: FakeSession) -> Counters:
        raise CannotTraceError("a map value has 8 bytes, not 16")

    monkeypatch.setattr(FakeSession, "read", fail)
    before = pty.mode
    with pytest.raises(CannotTraceError):
        immapscope_top("--interval", "100ms")
    assert pty.read().decode().endswith(LEAVE)
    assert pty.mode == before
    assert traced.session.abandoned


def test_colour_can_be_refused(
    immapscope_top: Top, pty: Pty, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pty.type(b"q")
    immapscope_top()
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", pty.read().decode())


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_without_a_terminal_it_is_one_line(immapscope_top: Top, stream: str) -> None:
    with (
        open(os.devnull, "r+") as nowhere,
        pytest.raises(UsageError, match="top needs a terminal; for a file or a pipe: "),
    ):
        immapscope_top(**{stream: nowhere})


@pytest.mark.parametrize("term", ["dumb", "unknown", "", None])
def test_on_a_terminal_that_cannot_be_drawn_on_it_is_one_line(
    immapscope_top: Top, monkeypatch: pytest.MonkeyPatch, term: str | None
) -> None:
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    with pytest.raises(UsageError, match="cannot draw on this terminal"):
        immapscope_top()


@pytest.mark.usefixtures("untraceable")
def test_a_machine_that_cannot_be_traced_is_told_before_the_terminal_is_taken(
    immapscope_top: Top, pty: Pty
) -> None:
    with pytest.raises(CannotTraceError):
        immapscope_top()
    assert pty.read() == b""


@pytest.mark.parametrize(
    ("words", "telling"),
    [
        (["--interval", "99ms"], "'99ms' is too short to read; at least 100ms"),
        (["--interval", "soon"], "'soon' is no duration"),
        (["--mode", "fast"], "'fast' is not one of 'contention', 'full'"),
        (["--by", "file"], "unknown key 'file'"),
        (["--sort", "size"], "unknown key 'size'"),
        (["--inode", "a/b"], "is a relative path"),
        (["--duration", "1s"], "No such option"),
        (["libc.so"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_told(immapscope_top: Top, words: list[str], telling: str) -> None:
    with pytest.raises(click.UsageError) as refusal:
        immapscope_top(*words)
    assert telling in refusal.value.format_message()


def test_what_does_not_add_up_stays_when_the_screen_goes() -> None:
    lossy = replace(exec_storm(), loss={"rows_full": Loss(LossUnit.WAITS, 3)})
    first, waited, *rest = _summary(lossy)
    assert first == "10.0 s in full mode"
    assert waited.startswith("waited: ")
    assert "lost: 3 waits (rows_full): the table of rows was full" in rest
    assert [line for line in rest if "RECONCILE" in line] == []
    wrong = replace(lossy, totals=replace(lossy.totals, contended=0))
    assert any(line.startswith("DOES NOT RECONCILE") for line in _summary(wrong))


def test_a_calm_machine_is_said_to_be_calm() -> None:
    assert list(_summary(snapshot_of([], mode=Mode.CONTENTION))) == [
        "10.0 s in contention mode",
        "no i_mmap lock was waited on in 10.0 s; full mode also counts the acquisitions that "
        "nobody had to wait for",
    ]
