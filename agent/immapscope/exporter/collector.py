# SPDX-License-Identifier: GPL-2.0-or-later
"""The immap_* metrics as the Prometheus client library takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from immapscope import __version__
from immapscope.exporter.account import Account, histograms
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
from immapscope.exporter.keys import Key
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


@dataclass(frozen=True, slots=True)
class _File:
    """What is exposed of a file; `values` in the order of families and labels."""

    labels: FileLabels
    account: Account
    values: Sequence[tuple[Key, int]]


class SnapshotCollector(Collector):
    """Reads the accounts as they are; `observed` is None until there was a snapshot."""

    def __init__(self, accounting: Accounting, machine: Machine) -> None:
        self._accounting = accounting
        self._machine = machine
        self.observed: Observed | None = None

    def collect(self) -> Iterator[Metric]:
        """Every family that has a sample, each made when it is asked for."""
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
        accounts = self._accounting.accounts()
        files = [_File(labels, account, account.in_order()) for labels, account in accounts]
        there = {key.family for file in files for key, _ in file.values}
        for family, one in COUNTERS.items():
            if family in there and (mode is Mode.FULL or family not in FULL_MODE_ONLY):
                yield _by_file(partial(_counter, family, one), files)
        if Family.DURATION in there:
            yield _by_file(_durations, files)
        if any(file.account.vmas for file in files):
            yield _by_file(_vmas, files)


class _Samples:
    """Those of a family, made file by file each time that one goes through them."""

    def __init__(self, of: Callable[[Sequence[_File]], Metric], files: Sequence[_File]) -> None:
        self._of = of
        self._files = files

    def __iter__(self) -> Iterator[Sample]:
        for file in self._files:
            yield from self._of([file]).samples


def _by_file(of: Callable[[Sequence[_File]], Metric], files: Sequence[_File]) -> Metric:
    """The same as `of(files)` for the library, which goes through the samples to write them.

    It says that they are a list; all of them at once are 2 MB of a process that is to stay small.
    """
    metric = of([])
    metric.samples = cast("list[Sample]", _Samples(of, files))
    return metric


def _counter(family: Family, one: Description, files: Sequence[_File]) -> Metric:
    metric = CounterMetricFamily(one.name, one.help, labels=(*_FILE, *one.labels), unit=_unit(one))
    for file in files:
        for key, value in file.values:
            if key.family is family:
                shown = value / _NS if one.seconds else value
                metric.add_metric((*file.labels, *key.labels), shown, file.account.created)
    return metric


def _durations(files: Sequence[_File]) -> Metric:
    names = (*_FILE, *DURATION.labels)
    metric = HistogramMetricFamily(DURATION.name, DURATION.help, labels=names, unit=_unit(DURATION))
    for file in files:
        for one in histograms(file.values):
            values = (*file.labels, *one.labels)
            buckets = list(zip(DURATION_BOUNDS, map(float, one.counts), strict=True))
            metric.add_metric(values, buckets, one.sum_ns / _NS)
            if file.account.created is not None:
                labelled = dict(zip(names, values, strict=True))
                metric.add_sample(f"{DURATION.name}_created", labelled, file.account.created)
    return metric


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
        "immap_probes_attached",
        "BPF programs that are attached, 0 where they see nothing any more.",
        status.probes_attached,
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


def _vmas(files: Sequence[_File]) -> Metric:
    metric = GaugeMetricFamily(VMAS.name, VMAS.help, labels=(*_FILE, *VMAS.labels))
    for file in files:
        for shard, count in sorted(file.account.vmas.items()):
            metric.add_metric((*file.labels, shard), count)
    return metric
