# SPDX-License-Identifier: GPL-2.0-or-later
"""The immap_* metrics as the Prometheus client library takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from immapscope import __version__
from immapscope.exporter.account import Account, counters, histograms
from immapscope.exporter.accounting import Accounting
from immapscope.exporter.families import (
    COUNTERS,
    DURATION,
    DURATION_BOUNDS,
    FULL_MODE_ONLY,
    VMAS,
    Description,
    Family,
)
from immapscope.exporter.labels import FileLabels
from immapscope.exporter.machine import Machine
from immapscope.exporter.status import Status
from immapscope.snapshot import KernelFacts, Mode

_FILE = FileLabels._fields
_NS = 10**9


@dataclass(frozen=True, slots=True)
class Observed:
    """What is told of a snapshot beside the accounts; not its rows, which are memory."""

    kernel: KernelFacts
    mode: Mode
    status: Status


class SnapshotCollector(Collector):
    """Reads the accounts as they are; `observed` is None until there was a snapshot."""

    def __init__(self, accounting: Accounting, machine: Machine) -> None:
        self._accounting = accounting
        self._machine = machine
        self.observed: Observed | None = None

    def collect(self) -> Iterator[Metric]:
        """Every family that has a sample."""
        yield InfoMetricFamily(
            "immap_build", "The version of immapscope.", {"version": __version__}
        )
        if self.observed is None:
            return
        yield _kernel(self.observed.kernel)
        yield from _of_daemon(self.observed.status)
        yield from self._of_machine()
        yield from self._of_files(self.observed.mode)

    def _of_machine(self) -> Iterator[Metric]:
        lost = CounterMetricFamily(
            "immap_lost_events",
            "Events that could not be attributed, by reason; each reason has its own unit.",
            labels=("reason",),
        )
        for reason, count in sorted(self._machine.lost.items()):
            lost.add_metric((reason,), count)
        singles = (
            ("immap_execs", "Execs of the whole machine.", self._machine.execs),
            ("immap_forks", "Forks of the whole machine.", self._machine.forks),
            (
                "immap_dropped_series",
                "Series that max_series kept in `other`, counted anew at each snapshot.",
                self._accounting.dropped_series,
            ),
        )
        families = [lost] if lost.samples else []
        families += [CounterMetricFamily(name, words, n) for name, words, n in singles if n]
        yield from families

    def _of_files(self, mode: Mode) -> Iterator[Metric]:
        accounts = list(self._accounting.accounts())
        by_family: dict[Family, CounterMetricFamily] = {
            family: CounterMetricFamily(
                one.name, one.help, labels=(*_FILE, *one.labels), unit=_unit(one)
            )
            for family, one in COUNTERS.items()
            if mode is Mode.FULL or family not in FULL_MODE_ONLY
        }
        for labels, account in accounts:
            for key, value in counters(account):
                if key.family in by_family:
                    shown = value / _NS if COUNTERS[key.family].seconds else value
                    by_family[key.family].add_metric((*labels, *key.labels), shown, account.created)
        yield from (metric for metric in by_family.values() if metric.samples)
        yield from (metric for metric in (self._durations(accounts), _vmas(accounts)) if metric)

    def _durations(self, accounts: list[tuple[FileLabels, Account]]) -> Metric | None:
        metric = HistogramMetricFamily(
            DURATION.name, DURATION.help, labels=(*_FILE, *DURATION.labels), unit=_unit(DURATION)
        )
        names = (*_FILE, *DURATION.labels)
        for labels, account in accounts:
            for one in histograms(account):
                values = (*labels, *one.labels)
                buckets = list(zip(DURATION_BOUNDS, map(float, one.counts), strict=True))
                metric.add_metric(values, buckets, one.sum_ns / _NS)
                if account.created is not None:
                    labelled = dict(zip(names, values, strict=True))
                    metric.add_sample(f"{DURATION.name}_created", labelled, account.created)
        return metric if metric.samples else None


def _unit(description: Description) -> str:
    return "seconds" if description.seconds else ""


def _kernel(kernel: KernelFacts) -> Metric:
    facts = {
        "release": kernel.release,
        "layout": kernel.layout,
        "shards": str(kernel.shards),
        "shard_policy": kernel.shard_policy or "",
        "attach": kernel.attach,
    }
    return InfoMetricFamily("immap_kernel", "What is traced, and how.", facts)


def _of_daemon(status: Status) -> Iterator[Metric]:
    """Always there, since an alert must see a 0."""
    yield GaugeMetricFamily(
        "immap_tracked_inodes", "Files that have a slot in the kernel.", status.tracked_inodes
    )
    yield GaugeMetricFamily(
        "immap_probes_attached", "BPF programs that are attached.", status.probes_attached
    )
    yield GaugeMetricFamily(
        "immap_last_snapshot_timestamp_seconds",
        "When the counters were last read, in seconds since the epoch.",
        status.snapshot_time,
        unit="seconds",
    )
    yield GaugeMetricFamily(
        "immap_config_last_reload_successful",
        "1 if the configuration in use is the one in the file, 0 if that could not be used.",
        float(status.config_reload_successful),
    )


def _vmas(accounts: list[tuple[FileLabels, Account]]) -> Metric | None:
    metric = GaugeMetricFamily(VMAS.name, VMAS.help, labels=(*_FILE, *VMAS.labels))
    for labels, account in accounts:
        for shard, count in sorted(account.vmas.items()):
            metric.add_metric((*labels, shard), count)
    return metric if metric.samples else None
