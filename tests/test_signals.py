# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals are something to wait for, and do what they did before when nobody waits any more."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from immapscope.signals import Signals

#: So long that no test waits for it.
FOREVER = 600.0
ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Collects what a service is told."""
    with Signals(ALL) as entered:
        yield entered


@pytest.mark.parametrize("number", ALL)
def test_a_signal_is_seen_and_interrupts_nothing(signals: Signals, number: signal.Signals) -> None:
    assert signals.seen == set()
    send(number)
    assert signals.seen == {number}


def test_it_is_taken_once(signals: Signals) -> None:
    send(signal.SIGHUP)
    send(signal.SIGTERM)
    assert signals.take(signal.SIGHUP)
    assert not signals.take(signal.SIGHUP)
    assert signals.seen == {signal.SIGTERM}


def test_one_that_came_before_ends_the_wait_at_once(signals: Signals) -> None:
    send(signal.SIGTERM)
    signals.wait(time.monotonic() + FOREVER)
    assert signals.seen == {signal.SIGTERM}


def test_one_that_comes_meanwhile_ends_the_wait(signals: Signals) -> None:
    sender = threading.Timer(0.2, send, (signal.SIGHUP,))
    sender.start()
    signals.wait()
    assert signals.seen == {signal.SIGHUP}
    sender.join()


def test_many_of_them_end_one_wait(signals: Signals) -> None:
    for _ in range(50):
        send(signal.SIGHUP)
    signals.wait(time.monotonic() + FOREVER)
    began = time.monotonic()
    signals.wait(began + 0.2)
    assert time.monotonic() >= began + 0.2


def test_the_first_of_several_moments_ends_the_wait(signals: Signals) -> None:
    began = time.monotonic()
    signals.wait(None, began + FOREVER, began + 0.2)
    assert began + 0.2 <= time.monotonic() < began + FOREVER
    assert signals.seen == set()


def test_a_moment_that_has_passed_ends_it_at_once(signals: Signals) -> None:
    signals.wait(time.monotonic() - 1, time.monotonic() + FOREVER)


def test_the_time_of_day_may_jump(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: -1e9)
    began = time.monotonic()
    signals.wait(began + 0.2)
    assert time.monotonic() >= began + 0.2


def test_a_signal_that_was_not_asked_for_does_what_it_did_before() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    try:
        with Signals(ALL) as signals:
            send(signal.SIGUSR1)
            assert signals.seen == set()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert came == [signal.SIGUSR1]


def test_everything_is_as_before_when_it_is_over() -> None:
    handlers = [signal.getsignal(number) for number in ALL]
    wakeup = signal.set_wakeup_fd(-1)
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyError), Signals(ALL):
        raise KeyError
    assert [signal.getsignal(number) for number in ALL] == handlers
    assert signal.set_wakeup_fd(wakeup) == -1
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_one_inside_another_is_the_one_that_sees(signals: Signals) -> None:
    # As when something that handles signals is called by something that does.
    with Signals((signal.SIGTERM,)) as inner:
        send(signal.SIGTERM)
        inner.wait(time.monotonic() + FOREVER)
        assert (inner.seen, signals.seen) == ({signal.SIGTERM}, set())
    send(signal.SIGTERM)
    signals.wait(time.monotonic() + FOREVER)
    assert signals.seen == {signal.SIGTERM}


def test_a_child_that_ends_as_nobody_waits_any_more_is_no_complaint() -> None:
    # Python writes "Signal 17 ignored due to race condition" to stderr where a signal that was
    # noted for a handler finds the default in its place (Modules/signalmodule.c).
    before = signal.getsignal(signal.SIGCHLD)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with Signals((signal.SIGCHLD,)) as signals:
            pass
        assert callable(signal.getsignal(signal.SIGCHLD))
        send(signal.SIGCHLD)
        assert signals.seen == set()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_child_may_still_be_waited_for_when_it_is_over() -> None:
    with Signals((signal.SIGCHLD,)):
        pass
    assert subprocess.run(["false"], check=False).returncode == 1
