# SPDX-License-Identifier: GPL-2.0-or-later
"""From interval snapshots to what Prometheus scrapes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from immapscope.exporter.accounting import Accounting
from immapscope.exporter.collector import Observed, SnapshotCollector
from immapscope.exporter.families import Family
from immapscope.exporter.landing import MOST_FILES, LandingRow, landing_page
from immapscope.exporter.limits import Limits
from immapscope.exporter.live import Live
from immapscope.exporter.machine import Machine
from immapscope.exporter.pages import Pages, render
from immapscope.exporter.status import Status
from immapscope.snapshot import Snapshot

#: A snapshot is stale once three intervals have gone by without the next, or a minute if that is
#: longer: the first interval may be a short one.
STALE_INTERVALS: Final = 3
STALE_SECONDS: Final = 60.0


class Exporter:
    """Adds up intervals and renders the pages once for each.

    `clock` is the time of day in seconds since the epoch, `monotonic` is CLOCK_MONOTONIC, `proc`
    where the agent's own process_* are read. `limits` may be replaced between two snapshots.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        proc: Path = Path("/proc"),
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._monotonic = monotonic
        self._began = clock()
        self._accounting = Accounting()
        self._machine = Machine()
        self._live = Live()
        self._collector = SnapshotCollector(self._accounting, self._machine)
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        ProcessCollector(proc=str(proc), registry=self._registry)
        self._pages = render(self._registry, landing_page(None, []), None)

    @property
    def pages(self) -> Pages:
        """The newest; may be asked for by any thread."""
        return self._pages

    def observe(self, interval: Snapshot, status: Status) -> None:
        """Adds what happened since the last call, chooses who has series, renders all pages."""
        self._machine.take(interval)
        self._accounting.take(interval, self._began, self._machine.lines, self.limits)
        self._began = self._clock()
        self._collector.observed = Observed(interval.kernel, interval.mode, status)
        fresh = max(STALE_INTERVALS * interval.duration_ns / 1e9, STALE_SECONDS)
        landing = landing_page((interval, status), self._most_waited())
        live = self._live.observe(interval, status)
        self._pages = render(self._registry, landing, self._monotonic() + fresh, live)

    def _most_waited(self) -> list[LandingRow]:
        return [
            LandingRow(labels, account.total(Family.WAIT), account.total(Family.CONTENDED))
            for labels, account in self._accounting.top(MOST_FILES)
        ]
