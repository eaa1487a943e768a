# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one session: wait for a time, a command or a signal, hand over snapshots on the way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from immapscope.arithmetic import difference
from immapscope.command import start
from immapscope.errors import ExitStatus
from immapscope.signals import Signals
from immapscope.snapshot import Snapshot

_STOPPING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
#: Seconds that COMMAND has to end after SIGTERM.
_PATIENCE = 5.0


class Measured(Protocol):
    """What is measured: a session with the files that it is for."""

    def open(self) -> None:
        """From here on events count."""

    def read(self) -> Snapshot:
        """What was counted so far."""
        ...

    def close(self) -> Snapshot:
        """What the whole session counted; afterwards nothing is left in the kernel."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """When a session ends: after `seconds` (None: no limit), or with `command`, or by a signal."""

    seconds: float | None
    interval: float | None
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last snapshot (of the whole session, or of its last interval) and the exit status.

    It says what was run, as each that was handed over before does.
    """

    snapshot: Snapshot
    status: int


def run(
    target: Measured,
    span: Span,
    each: Callable[[Snapshot], None],
    tick: Callable[[Snapshot], None] | None = None,
) -> Outcome:
    """Opens the session, calls `each` for every full interval, closes it.

    `tick` is called about once a second with what was counted so far. COMMAND is ended with the
    session, whatever ends that. Raises CommandFailedError, and what `each` and `tick` raise.
    """
    with Signals((*_STOPPING, signal.SIGCHLD)) as signals:
        target.open()
        command = start(span.command)
        try:
            before = _until_the_end(
                target, span, command, signals, lambda one: each(_of(span, one)), tick
            )
            last = target.close()
        finally:
            ended_itself = command is None or command.poll() is not None
            if command is not None and not ended_itself:
                _end(command)
        interrupted = bool(signals.seen & _STOPPING)
    if command is not None and ended_itself:
        status = _as_of_a_shell(command.returncode)
    else:
        status = ExitStatus.INTERRUPTED if interrupted else ExitStatus.FINE
    whole = last if before is None else difference(last, before)
    return Outcome(_of(span, whole), status)


def _of(span: Span, snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, command=tuple(span.command) or None)


def _until_the_end(
    target: Measured,
    span: Span,
    command: subprocess.Popen[bytes] | None,
    signals: Signals,
    each: Callable[[Snapshot], None],
    tick: Callable[[Snapshot], None] | None,
) -> Snapshot | None:
    """The snapshot at the end of the last full interval, None before the first."""
    began = time.monotonic()
    ends = None if span.seconds is None else began + span.seconds
    next_interval = None if span.interval is None else began + span.interval
    next_tick = None if tick is None else began + 1.0
    before: Snapshot | None = None
    while not signals.seen & _STOPPING:
        if command is not None and command.poll() is not None:
            break
        now = time.monotonic()
        if ends is not None and now >= ends:
            break
        if span.interval is not None and next_interval is not None and now >= next_interval:
            # Those that a slow reader or a stopped process slept through are one long interval.
            next_interval += span.interval * ((now - next_interval) // span.interval + 1)
            latest = target.read()
            each(latest if before is None else difference(latest, before))
            before = latest
            continue
        if tick is not None and next_tick is not None and now >= next_tick:
            next_tick = now + 1.0
            tick(target.read())
        signals.wait(ends, next_interval, next_tick)
    return before


def _end(command: subprocess.Popen[bytes]) -> None:
    command.terminate()
    try:
        command.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()


def _as_of_a_shell(code: int) -> int:
    return code if code >= 0 else 128 - code
