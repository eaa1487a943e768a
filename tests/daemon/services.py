# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything around a `Service`, under a clock that only moves when somebody waits."""

from __future__ import annotations

import errno
import io
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from immapscope.daemon import logs
from immapscope.daemon.notify import Notifier
from immapscope.daemon.observer import Reading
from immapscope.daemon.service import Service
from immapscope.errors import CannotTraceError, UsageError
from immapscope.exporter import Exporter
from immapscope.kernel.words import Cause, Operation
from immapscope.settings import Address, Settings
from immapscope.signals import Signals
from immapscope.snapshot import Row, Snapshot
from tests.daemon.configured import configured, read_here
from tests.synthetic import LIBC, contended_row, snapshot_of

#: What happens in each interval: one wait of 1 ms for libc's lock.
ROWS: Sequence[Row] = (contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, [1_000_000]),)
TRACKED, PROGRAMS = 12, 9
#: Where the default configuration listens.
LOOPBACK: Final = Address("127.0.0.1", 10264)


def taken(address: Address) -> UsageError:
    """As `Server.start` says it."""
    error = UsageError(f"cannot listen on {address}: Address already in use")
    error.__cause__ = OSError(errno.EADDRINUSE, "Address already in use")
    return error


class FakeObserver:
    """A session; `world` is told whatever is done with it."""

    def __init__(self, world: World, settings: Settings, number: int) -> None:
        self.settings = settings
        self.scarce = False
        self.name = f"session {number}"
        self.read_at: list[float] = []
        self.idle_after: list[float] = []
        self.programs = PROGRAMS
        self._world = world

    @property
    def facts(self) -> str:
        return f"facts of {self.name}"

    def open(self) -> None:
        self._world.did(f"{self.name} opened")

    def read(self, idle_after: float) -> Reading:
        self.read_at.append(self._world.now)
        self.idle_after.append(idle_after)
        self._world.at_reading(self)
        return Reading(self._world.interval(), TRACKED, self.programs)

    def close(self) -> Reading:
        self._world.did(f"{self.name} closed")
        return Reading(self._world.interval(), 0, 0)


class FakeServer:
    """A port that is taken until it is stopped."""

    def __init__(self, world: World, address: Address) -> None:
        self.address = address
        self._world = world
        world.did(f"listens on {address}")
        world.listening.append(address)

    def stop(self) -> None:
        # RuntimeError where it was stopped before, as of the real one.
        if self.address not in self._world.listening:
            raise RuntimeError("Event loop is closed")
        self._world.did(f"left {self.address}")
        self._world.listening.remove(self.address)


class Heard(Notifier):
    """What systemd is told goes among what is done."""

    def __init__(self, world: World) -> None:
        super().__init__({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "60000000"})
        self.alive_at: list[float] = []
        self._world = world

    def _send(self, state: str) -> None:
        if state == "WATCHDOG=1":
            self.alive_at.append(self._world.now)
        else:
            self._world.did(state.partition("\n")[0])


class World:
    """A clock, ports, sessions and a log; `done` is all that was done, in its order.

    `refused` and `occupied` say which configurations cannot be traced and which addresses another
    program has. `at` has what happens when; `wall` is the time of day.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.now, self.wall = 1_000.0, 1_781_000_000.0
        self.done: list[str] = []
        self.sessions: list[FakeObserver] = []
        self.listening: list[Address] = []
        self.refused: Callable[[Settings], bool] = lambda settings: False
        self.occupied: set[Address] = set()
        self.at_reading: Callable[[FakeObserver], None] = lambda observer: None
        self.interval: Callable[[], Snapshot] = lambda: snapshot_of(ROWS)
        self.path = folder / "config.yaml"
        self.log = io.StringIO()
        self.heard = Heard(self)
        self._events: list[tuple[float, Callable[[], None]]] = []
        clock = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.wall)
        monkeypatch.setattr("immapscope.daemon.service.time", clock)
        monkeypatch.setattr(Signals, "wait", lambda signals, *due: self._wait(signals, *due))
        logs.start("info", {}, self.log)

    def did(self, what: str) -> None:
        self.done.append(what)

    def at(self, moment: float, what: Callable[[], None]) -> None:
        """`moment` in seconds after the service began."""
        self._events.append((1_000.0 + moment, what))
        self._events.sort(key=lambda event: event[0])

    def _wait(self, signals: Signals, *moments: float | None) -> None:
        due = min(moment for moment in moments if moment is not None)
        if self._events and self._events[0][0] <= due:
            due, event = self._events.pop(0)
            self.now = max(self.now, due)
            event()
        assert self._events or signals.seen, "nothing would ever end this service"
        self.now = max(self.now, due)

    def observe(self, settings: Settings) -> FakeObserver:
        if self.refused(settings):
            raise CannotTraceError("the probes did not compile")
        observer = FakeObserver(self, settings, len(self.sessions) + 1)
        self.did(f"{observer.name} attached")
        self.sessions.append(observer)
        return observer

    def listen(self, settings: Settings, exporter: Exporter) -> FakeServer:
        self.exporter = exporter
        address = settings.exporter.listen
        ours = {one.port for one in self.listening}
        if address.port in ours or address in self.occupied:
            raise taken(address)
        return FakeServer(self, address)

    def write(self, text: str) -> None:
        """The configuration from now on."""
        self.path.write_text(text)

    def read_settings(self) -> Settings:
        """What the configuration says now."""
        return read_here(self.path)

    def run(self, settings: Settings | None = None) -> None:
        """Serves until a signal; the ends of a test."""
        service = Service(
            settings or configured(), self.read_settings, self.observe, self.listen, self.heard
        )
        with Signals((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)) as signals:
            service.run(signals)

    def value(self, name: str) -> float:
        """The sum of this metric's samples in what would be scraped now."""
        text = self.exporter.pages.text.decode()
        samples = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]
        assert samples, name
        return sum(samples)

    @property
    def said(self) -> list[str]:
        """The lines of the log."""
        return self.log.getvalue().splitlines()

    @property
    def complaints(self) -> list[str]:
        """Those that are more than information."""
        return [line for line in self.said if ": info: " not in line]


def send(number: signal.Signals) -> Callable[[], None]:
    """To this process."""
    return lambda: os.kill(os.getpid(), number)


TERM, HUP = send(signal.SIGTERM), send(signal.SIGHUP)
