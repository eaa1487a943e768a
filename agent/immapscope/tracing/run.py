# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one session: wait for a time, a command or a signal, hand over snapshots on the way."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from immapscope.arithmetic import difference
from immapscope.errors import ExitStatus
from immapscope.snapshot import Snapshot
from immapscope.tracing.target import Target

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class CommandFailedError(Exception):
    """COMMAND could not be started; `status` is 126 or 127 as of a shell."""

    def __init__(self, command: str, error: OSError) -> None:
        missing = isinstance(error, FileNotFoundError)
        self.status = ExitStatus.COMMAND_NOT_FOUND if missing else ExitStatus.CANNOT_RUN_COMMAND
        super().__init__(f"cannot run {command!r}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Span:
    """When a session ends: after `seconds` (None: no limit), or with `command`, or by a signal."""

    seconds: float | None
    interval: float | None
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last snapshot (of the whole session, or of its last interval) and the exit status."""

    snapshot: Snapshot
    status: int


def run(
    target: Target,
    span: Span,
    each: Callable[[Snapshot], None],
    tick: Callable[[Snapshot], None] | None = None,
) -> Outcome:
    """Opens the session, calls `each` for every full interval, closes it.

    `tick` is called about once a second with what was counted so far. Raises CommandFailedError.
    """
    with _wakeups() as (wakeups, signals):
        target.open()
        command = _start(span.command)
        began = time.monotonic()
        ends = began + span.seconds if span.seconds is not None else None
        next_interval = began + span.interval if span.interval else None
        before: Snapshot | None = None
        next_tick = began + 1.0 if tick else None
        while not (set(signals) & set(_STOPPING)):
            if command is not None and command.poll() is not None:
                break
            now = time.monotonic()
            if ends is not None and now >= ends:
                break
            if next_interval is not None and now >= next_interval:
                next_interval += span.interval or 0
                latest = target.read()
                each(difference(latest, before) if before else latest)
                before = latest
                continue
            if tick is not None and next_tick is not None and now >= next_tick:
                next_tick = now + 1.0
                tick(target.read())
            _sleep_until(wakeups, [ends, next_interval, next_tick])
        last = target.close()
        status = _status(command, signals)
    return Outcome(difference(last, before) if before else last, status)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes] | None:
    if not command:
        return None
    try:
        return subprocess.Popen(command)
    except OSError as error:
        raise CommandFailedError(command[0], error) from error


def _status(command: subprocess.Popen[bytes] | None, signals: list[int]) -> int:
    """COMMAND's own status where it ended by itself."""
    if command is not None:
        if command.poll() is None:
            command.terminate()
            try:
                command.wait(timeout=5)
            except subprocess.TimeoutExpired:
                command.kill()
                command.wait()
        elif command.returncode is not None:
            code = command.returncode
            return code if code >= 0 else 128 - code
    return ExitStatus.INTERRUPTED if set(signals) & set(_STOPPING) else ExitStatus.FINE


def _sleep_until(wakeups: socket.socket, moments: Sequence[float | None]) -> None:
    due = [moment for moment in moments if moment is not None]
    timeout = max(0.0, min(due) - time.monotonic()) if due else None
    if select.select([wakeups], [], [], timeout)[0]:
        wakeups.recv(4096)


@contextmanager
def _wakeups() -> Iterator[tuple[socket.socket, list[int]]]:
    """A socket that becomes readable at a signal or a child's end, and the signals so far."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    seen: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: seen.append(number))
        for number in (*_STOPPING, signal.SIGCHLD)
    }
    before_fd = signal.set_wakeup_fd(writer.fileno())
    try:
        yield reader, seen
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()

