# SPDX-License-Identifier: GPL-2.0-or-later
"""A session ends with its time, its command or a signal, and always tells what was measured."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from immapscope.command import CommandFailedError
from immapscope.errors import ExitStatus
from immapscope.kernel.words import Operation
from immapscope.law import law
from immapscope.snapshot import Snapshot
from immapscope.tracing.run import Outcome, Span, run
from immapscope.tracing.target import Target
from tests.tracing.counted import Counted, Wait
from tests.tracing.fakes import FakeSession

#: So long that no test waits for it.
FOREVER = 600.0


def storm(counted: Counted) -> None:
    """What happens between two readings."""
    counted.free(1, 0)
    counted.free(1, 1, Operation.REMOVE)
    counted.waited(1, 0, wait=Wait(ns=5_000, spin_ns=4_000))
    counted.still_held(1, 0)
    counted.cpus["execs"] += 3


class Watched:
    """A target that counts its readings and may do something at each."""

    def __init__(self, at_each: Callable[[int], None] = lambda reading: None) -> None:
        counted = Counted()
        counted.name(1, b"libc.so.6")
        self.readings = 0
        self._at_each = at_each
        self.session = FakeSession(counted, before_each=self._before)
        self._target = Target(self.session.as_session(), ())

    def _before(self, counted: Counted) -> None:
        self.readings += 1
        storm(counted)
        self._at_each(self.readings)

    def as_target(self) -> Target:
        return self._target


def run_for(
    watched: Watched,
    seconds: float | None = None,
    interval: float | None = None,
    command: Sequence[str] = (),
    tick: Callable[[Snapshot], None] | None = None,
) -> tuple[Outcome, list[Snapshot]]:
    intervals: list[Snapshot] = []
    span = Span(seconds, interval, command)
    return run(watched.as_target(), span, intervals.append, tick), intervals


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


class Stubborn:
    """A command that runs until SIGTERM, and then says so; or does not care."""

    def __init__(self, folder: Path, at_term: str = "echo ended > told; exit 5") -> None:
        self._folder = folder
        script = f"trap '{at_term}' TERM; touch ready; while :; do sleep 0.01; done"
        self.command = shell(f"cd '{folder}' && {script}")

    def await_ready(self, _: object = None) -> None:
        deadline = time.monotonic() + 60
        while not (self._folder / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def was_ended(self) -> bool:
        return (self._folder / "told").exists()


def send(number: signal.Signals) -> Callable[[object], None]:
    return lambda _: os.kill(os.getpid(), number)


def test_each_snapshot_says_what_was_run() -> None:
    command = ["/bin/sh", "-c", "sleep 0.05; exit 0", "\udcff"]
    outcome, intervals = run_for(Watched(), FOREVER, 0.01, command)
    assert {snapshot.command for snapshot in (outcome.snapshot, *intervals)} == {tuple(command)}
    assert run_for(Watched(), 0.01)[0].snapshot.command is None


def test_a_session_ends_with_its_time() -> None:
    watched = Watched()
    began = time.monotonic()
    outcome, intervals = run_for(watched, 0.05)
    assert time.monotonic() - began >= 0.05
    assert (outcome.status, intervals) == (ExitStatus.FINE, [])
    assert (watched.session.opened, watched.session.closed) == (True, True)
    assert outcome.snapshot.totals.contended == 1


def test_a_session_ends_with_its_command() -> None:
    outcome, _ = run_for(Watched(), command=shell("exit 0"))
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("text", "status"), [("exit 7", 7), ("exit 1", 1), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
)
def test_the_commands_own_status_is_given_back(text: str, status: int) -> None:
    outcome, _ = run_for(Watched(), FOREVER, command=shell(text))
    assert outcome.status == status


def test_a_command_that_outlives_the_session_is_ended(tmp_path: Path) -> None:
    stubborn = Stubborn(tmp_path)
    outcome, _ = run_for(Watched(stubborn.await_ready), 0.02, 0.01, stubborn.command)
    assert stubborn.was_ended
    # It was we who ended it, so its status says nothing.
    assert outcome.status == ExitStatus.FINE


def test_a_command_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immapscope.tracing.run._PATIENCE", 0.05)
    stubborn = Stubborn(tmp_path, at_term="")
    outcome, _ = run_for(Watched(stubborn.await_ready), 0.02, 0.01, stubborn.command)
    assert outcome.status == ExitStatus.FINE


def test_the_session_is_open_before_the_command_begins(tmp_path: Path) -> None:
    opened_first: list[bool] = []
    watched = Watched(lambda _: opened_first.append(watched.session.opened))
    run_for(watched, command=shell("exit 0"))
    assert opened_first == [True]


def test_a_command_that_is_not_there_is_127() -> None:
    with pytest.raises(CommandFailedError, match="cannot run 'no-such-command'") as failed:
        run_for(Watched(), command=["no-such-command"])
    assert failed.value.status == 127


def test_a_command_that_may_not_run_is_126(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    with pytest.raises(CommandFailedError, match="Permission denied") as failed:
        run_for(Watched(), command=[str(plain)])
    assert failed.value.status == 126


def test_a_command_that_is_no_program_is_126(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\1\2")
    garbage.chmod(0o755)
    with pytest.raises(CommandFailedError, match="Exec format error") as failed:
        run_for(Watched(), command=[str(garbage)])
    assert failed.value.status == 126


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_session_and_what_was_measured_is_told(number: signal.Signals) -> None:
    watched = Watched(send(number))
    outcome, _ = run_for(watched, FOREVER, 0.01)
    assert outcome.status == ExitStatus.INTERRUPTED
    assert watched.session.closed
    assert outcome.snapshot.totals.contended == 1


def test_a_command_is_ended_by_what_ends_the_session(tmp_path: Path) -> None:
    stubborn = Stubborn(tmp_path)

    def once_ready(_: object) -> None:
        stubborn.await_ready()
        os.kill(os.getpid(), signal.SIGINT)

    outcome, _ = run_for(Watched(once_ready), FOREVER, 0.01, stubborn.command)
    assert outcome.status == ExitStatus.INTERRUPTED
    assert stubborn.was_ended


def test_signals_are_handled_as_before_when_it_is_over() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    run_for(Watched(), 0.01)
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    assert after == before
    assert signal.set_wakeup_fd(-1) == -1


def test_the_command_does_not_inherit_our_signals(tmp_path: Path) -> None:
    script = "import signal; assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL"
    assert run_for(Watched(), command=[sys.executable, "-S", "-c", script])[0].status == 0


class Clock:
    """Time that passes only where the session waits, and where it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.read_at: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, *moments: float | None) -> None:
        self.now = max(self.now, min(moment for moment in moments if moment is not None))

    def note(self, reading: int) -> None:
        self.read_at.append(self.now - 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The session's clock."""
    clock = Clock()
    monkeypatch.setattr("immapscope.tracing.run.time", clock)
    monkeypatch.setattr("immapscope.signals.Signals.wait", lambda _, *moments: clock.wait(*moments))
    return clock


def test_intervals_and_what_follows_them_are_the_whole_session(clock: Clock) -> None:
    watched = Watched(clock.note)
    outcome, intervals = run_for(watched, 10, 3)
    assert clock.read_at == [3, 6, 9, 10]
    parts = [*intervals, outcome.snapshot]
    assert len(parts) == 4
    assert all(equation.difference == 0 for part in parts for equation in law(part))
    assert sum(part.duration_ns for part in parts) == watched.session.duration_ns
    whole = watched.session.counted.snapshot()
    for measure in ("acquisitions", "contended", "wait_ns", "execs"):
        parts_of_it = [getattr(part.totals, measure) for part in parts]
        assert sum(parts_of_it) == getattr(whole.totals, measure)
        assert parts_of_it == [getattr(whole.totals, measure) // 4] * 4
    by_operation: Counter[Operation | None] = Counter()
    for row in (row for part in parts for row in part.rows):
        by_operation[row.operation] += row.acquisitions or 0
    assert by_operation == {Operation.INSERT: 8, Operation.REMOVE: 4}
    starts = [part.started for part in parts]
    assert starts == sorted(set(starts))


def test_intervals_that_were_slept_through_are_one(clock: Clock) -> None:
    # As when the process was stopped, or its reader was slow.
    def slow(reading: int) -> None:
        clock.note(reading)
        clock.now += 20 if reading == 1 else 0

    _, intervals = run_for(Watched(slow), 30, 3)
    assert clock.read_at == [3, 23, 24, 27, 30]
    assert len(intervals) == 4


def test_a_session_that_ends_on_a_full_interval_has_no_empty_one(clock: Clock) -> None:
    _, intervals = run_for(Watched(clock.note), 6, 3)
    assert clock.read_at == [3, 6]
    assert len(intervals) == 1


def test_a_session_without_a_full_interval_is_told_as_a_whole(clock: Clock) -> None:
    outcome, intervals = run_for(Watched(clock.note), 2, 3)
    assert (clock.read_at, intervals, outcome.snapshot.totals.contended) == ([2], [], 1)


def test_progress_is_told_about_once_a_second(clock: Clock) -> None:
    told: list[Snapshot] = []
    outcome, _ = run_for(Watched(), 3.5, tick=told.append)
    # Everything so far, each time.
    assert [snapshot.totals.contended for snapshot in told] == [1, 2, 3]
    assert outcome.snapshot.totals.contended == 4


def test_whatever_goes_wrong_while_printing_the_command_is_ended(tmp_path: Path) -> None:
    stubborn = Stubborn(tmp_path)

    def gone(_: Snapshot) -> None:
        raise BrokenPipeError

    target = Watched(stubborn.await_ready).as_target()
    with pytest.raises(BrokenPipeError):
        run(target, Span(None, 0.01, stubborn.command), gone)
    assert stubborn.was_ended
