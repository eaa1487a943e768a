# SPDX-License-Identifier: GPL-2.0-or-later
"""The service: reads at intervals, serves what it read, reloads on SIGHUP, ends on SIGTERM."""

from __future__ import annotations

import errno
import signal
import time
from collections.abc import Callable
from typing import Final, Protocol

from immapscope.daemon import logs
from immapscope.daemon.configuration import ConfigurationError
from immapscope.daemon.logs import LOG
from immapscope.daemon.memory import give_back
from immapscope.daemon.notify import Notifier
from immapscope.daemon.observer import Reading
from immapscope.errors import CannotTraceError, ExitStatus, ImmapscopeError, UsageError
from immapscope.exporter import Exporter, Limits, Status
from immapscope.settings import Settings, changes, needs_new_listener, needs_new_session
from immapscope.signals import Signals

#: How often the service looks whether slots are scarce, and tells the watchdog that it lives.
_TICK: Final = 1.0
_STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})


class ListenerLostError(ImmapscopeError):
    """Nothing is served any more, so the service had better be started anew."""

    status = ExitStatus.BAD_NEWS


class Observes(Protocol):
    """What the service needs of an `Observer`."""

    @property
    def facts(self) -> str: ...
    @property
    def scarce(self) -> bool: ...
    def open(self) -> None: ...
    def read(self, idle_after: float) -> Reading: ...
    def close(self) -> Reading: ...


class Listens(Protocol):
    """What the service needs of a running `Server`."""

    @property
    def address(self) -> object: ...
    def stop(self) -> None: ...


class Service:
    """Everything that runs.

    `read_settings` reads the configuration again, `observe` makes an Observer, `listen` a running
    Server of the exporter's pages.
    """

    def __init__(
        self,
        settings: Settings,
        read_settings: Callable[[], Settings],
        observe: Callable[[Settings], Observes],
        listen: Callable[[Settings, Exporter], Listens],
        notifier: Notifier | None = None,
    ) -> None:
        self._settings = settings
        self._read_settings = read_settings
        self._observe = observe
        self._listen = listen
        self._notifier = notifier or Notifier()
        self._exporter = Exporter(_limits(settings))
        self._reload_successful = True
        self._probes_run = True

    def run(self, signals: Signals) -> None:
        """Until SIGTERM or SIGINT. Raises ImmapscopeError where it cannot start."""
        # First the port: that it is taken is told before ten seconds of compiling.
        self._server = self._listen(self._settings, self._exporter)
        try:
            LOG.info("listening on %s", self._server.address)
            try:
                self._observer = self._observe(self._settings)
            except CannotTraceError:
                # Whoever stops a service may stop the child that compiles with it.
                if signals.seen & _STOPPING:
                    return
                raise
            self._observer.open()
            try:
                LOG.info("tracing: %s", self._observer.facts)
                self._notifier.ready(self._observer.facts)
                self._loop(signals)
            finally:
                self._notifier.stopping()
                self._take(self._observer.close())
        finally:
            self._server.stop()
        LOG.info("stopped")

    def _loop(self, signals: Signals) -> None:
        # A first reading soon, so that what is not yet there is not taken for trouble.
        next_reading = time.monotonic() + min(_TICK, self._settings.interval)
        while not signals.seen & _STOPPING:
            if signals.take(signal.SIGHUP):
                self._reload()
                next_reading = time.monotonic()
            now = time.monotonic()
            if now >= next_reading or self._observer.scarce:
                reading = self._observer.read(self._settings.files.idle_after)
                self._take(reading)
                self._tell_whether_probes_run(reading.programs > 0)
                give_back()
                next_reading = now + self._settings.interval
            self._notifier.alive()
            signals.wait(min(next_reading, now + _TICK))

    def _tell_whether_probes_run(self, run: bool) -> None:
        if run and not self._probes_run:
            LOG.info("the probes see what happens again")
        elif self._probes_run and not run:
            LOG.error(
                "the probes see nothing any more: somebody may have disabled all probes of this "
                "machine (/sys/kernel/debug/kprobes/enabled)"
            )
        self._probes_run = run

    def _take(self, reading: Reading) -> None:
        status = Status(
            tracked_inodes=reading.tracked,
            probes_attached=reading.programs,
            snapshot_time=time.time(),
            config_reload_successful=self._reload_successful,
        )
        self._exporter.observe(reading.interval, status)
        for reason, loss in reading.interval.loss.items():
            if loss.count:
                bound = "at most " if loss.upper_bound else ""
                LOG.warning("lost %s%s %s: %s", bound, f"{loss.count:,}", loss.unit.value, reason)

    def _reload(self) -> None:
        """Reads the configuration again; what cannot be had leaves everything as it was."""
        self._notifier.reloading()
        successful = False
        try:
            self._change_to(self._read_settings())
            successful = True
        except ListenerLostError:
            raise
        except ConfigurationError as error:
            for line in error.lines:
                LOG.error("the old configuration stays: %s", line)
        except ImmapscopeError as error:
            LOG.error("the old configuration stays, since the new one cannot be had: %s", error)
        self._reload_successful = successful
        self._notifier.ready(self._observer.facts)

    def _change_to(self, new: Settings) -> None:
        old = self._settings
        for change in changes(old, new):
            LOG.info("%s: %s becomes %s", change.key, change.old, change.new)
        observer = self._observe(new) if needs_new_session(old, new) else None
        try:
            if needs_new_listener(old, new):
                self._listen_anew(new)
        except BaseException:
            if observer is not None:
                observer.close()
            raise
        if observer is not None:
            self._take(self._observer.close())
            observer.open()
            self._observer = observer
            LOG.info("tracing: %s", observer.facts)
        self._settings = new
        self._exporter.limits = _limits(new)
        logs.set_level(new.log.level)

    def _listen_anew(self, new: Settings) -> None:
        """Before the old port is left, so that whatever is wrong with the new one costs nothing."""
        try:
            server = self._listen(new, self._exporter)
        except UsageError as error:
            if not self._is_in_the_way(new, error):
                raise
            self._server.stop()
            try:
                self._server = self._listen(new, self._exporter)
            except ImmapscopeError:
                self._listen_as_before()
                raise
        else:
            self._server.stop()
            self._server = server
        LOG.info("listening on %s", self._server.address)

    def _listen_as_before(self) -> None:
        try:
            self._server = self._listen(self._settings, self._exporter)
        except ImmapscopeError as error:
            raise ListenerLostError(f"somebody took the port meanwhile: {error}") from error

    def _is_in_the_way(self, new: Settings, error: UsageError) -> bool:
        """Whether what the new address includes may be our own old one."""
        cause = error.__cause__
        in_use = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
        return in_use and new.exporter.listen.port == self._settings.exporter.listen.port


def _limits(settings: Settings) -> Limits:
    return Limits(settings.exporter.max_series, settings.exporter.remembered_files)
