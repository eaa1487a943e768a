# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for any sequence of intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.samples import Sample

from immapscope.exporter import Exporter, Limits, Pages
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Inode, Loss, LossUnit, Mode, Row, Snapshot, TreeOperations
from tests.exporter.machines import STATUS, lines
from tests.synthetic import buckets_of, snapshot_of

#: Names that were changed, numbers that were used again, names that nobody knows.
FILES = [
    None,
    *(
        Inode("254:0", number, generation, name)
        for number in range(1, 8)
        for generation, name in ((0, "libc.so.6"), (0, None), (1, "libc.so.6"), (1, 'q"\n\\\udcff'))
    ),
]
files = st.sampled_from(FILES)
places = st.none() | st.integers(0, 12)
few = st.none() | st.integers(0, 10**6)


def _row(waits: list[int], spin_ns: int | None, facts: dict[str, Any]) -> Row:
    return Row(
        **facts,
        holder_kind=None,
        contended=len(waits),
        interrupted=0,
        wait_ns=sum(waits),
        spin_ns=spin_ns if waits else None,
        wait_max_ns=max(waits, default=0),
        wait_buckets=buckets_of(waits) if waits else None,
    )


rows = st.builds(
    _row,
    st.lists(st.integers(0, 10**12), max_size=2),
    few,
    st.fixed_dictionaries(
        {
            "inode": files,
            "shard": places,
            "node": places,
            "holder_node": places,
            "operation": st.none() | st.sampled_from(Operation),
            "cause": st.none() | st.sampled_from(Cause),
            "acquisitions": few,
            "hold_ns": few,
        }
    ),
)
trees = st.builds(
    TreeOperations,
    inode=files,
    shard=places,
    node=st.just(0),
    inserts=st.integers(0, 99),
    inserts_after=st.just(0),
    removes=st.integers(0, 9),
)
losses = st.builds(Loss, st.just(LossUnit.WAITS), st.integers(0, 9), st.booleans())


def _interval(
    mode: Mode,
    rows: list[Row],
    loss: dict[str, Loss],
    duration_ns: int,
    trees: list[TreeOperations],
) -> Snapshot:
    one = snapshot_of(rows, mode=mode, loss=loss)
    return replace(one, duration_ns=duration_ns, tree_operations=tuple(trees))


def intervals(mode: Mode) -> st.SearchStrategy[Snapshot]:
    return st.builds(
        _interval,
        st.just(mode),
        st.lists(rows, max_size=8),
        st.dictionaries(st.sampled_from("abc"), losses),
        st.sampled_from([0, 15 * 10**9, 7200 * 10**9]),
        st.lists(trees, max_size=3),
    )


histories = st.one_of([st.lists(intervals(mode), max_size=7) for mode in Mode])
limits = st.builds(
    Limits,
    max_series=st.sampled_from([200, 260, 400, 10_000]),
    remembered_files=st.sampled_from([0, 1, 100]),
)

openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Scraper:
    """Keeps the last value of each counter that it ever saw, as a time series database does."""

    seen: dict[Series, float] = field(default_factory=dict)
    created: dict[Series, float] = field(default_factory=dict)
    before_restarts: Counter[str] = field(default_factory=Counter)

    def scrape(self, found: list[Sample]) -> None:
        created = {series(s, "_created"): s.value for s in found if s.name.endswith("_created")}
        for sample in found:
            if not sample.name.endswith(("_total", "_bucket", "_count", "_sum")):
                continue
            key = series(sample)
            now = created.get(series(sample, "_total", "_bucket", "_count", "_sum"))
            if sample.value < self.seen.get(key, 0):
                assert now is not None, f"{key} went backwards"
                assert now > self.created.get(key, 0), f"{key} went backwards"
                self.before_restarts[sample.name] += ns(self.seen[key])
            elif now is not None and now != self.created.get(key) and key in self.seen:
                self.before_restarts[sample.name] += ns(self.seen[key])
            self.seen[key] = sample.value
            if now is not None:
                self.created[key] = now

    def total(self, name: str) -> int:
        last = sum(ns(value) for (other, _), value in self.seen.items() if other == name)
        return last + self.before_restarts[name]


def series(sample: Sample, *suffixes: str) -> Series:
    name = sample.name
    for suffix in suffixes:
        name = name.removesuffix(suffix)
    labels = {key: word for key, word in sample.labels.items() if not suffixes or key != "le"}
    return name, tuple(sorted(labels.items()))


def ns(value: float) -> int:
    """Exact: a time in seconds came from whole nanoseconds, a count is counted in billionths."""
    return round(value * 1e9)


@settings(max_examples=20)
@given(histories, limits)
def test_any_history_keeps_counters_monotonic_and_complete_and_pages_within_the_limit(
    history: list[Snapshot], limit: Limits
) -> None:
    now = iter(range(10**9, 2 * 10**9, 15))
    exporter, scraper = Exporter(limit, clock=lambda: float(next(now))), Scraper()
    for interval in history:
        exporter.observe(interval, STATUS)
        scraper.scrape(well_formed(exporter.pages, limit))
    check_totals(scraper, history)


def check_totals(scraper: Scraper, history: list[Snapshot]) -> None:
    """What all series ever had is what all intervals had."""
    rows = [row for interval in history for row in interval.rows]
    waits = 10**9 * sum(row.contended for row in rows)
    wait_ns = sum(row.wait_ns for row in rows)
    changes = [tree for interval in history for tree in interval.tree_operations]
    assert scraper.total("immap_contended_total") == waits
    assert scraper.total("immap_wait_seconds_total") == wait_ns
    assert scraper.total("immap_wait_cause_seconds_total") == wait_ns
    assert scraper.total("immap_waits_by_holder_total") == waits
    assert scraper.total("immap_wait_duration_seconds_count") == waits
    assert scraper.total("immap_wait_duration_seconds_sum") == wait_ns
    assert scraper.total("immap_spin_seconds_total") == sum(row.spin_ns or 0 for row in rows)
    assert scraper.total("immap_hold_seconds_total") == sum(row.hold_ns or 0 for row in rows)
    assert scraper.total("immap_acquisitions_total") == 10**9 * sum(
        row.acquisitions or 0 for row in rows
    )
    assert scraper.total("immap_tree_operations_total") == 10**9 * sum(
        tree.inserts + tree.removes for tree in changes
    )
    assert scraper.total("immap_lost_events_total") == 10**9 * sum(
        loss.count for interval in history for loss in interval.loss.values()
    )


def well_formed(pages: Pages, limit: Limits) -> list[Sample]:
    """Both texts parse, hold the same, no series twice, and no more than may be."""
    told, found = [], []
    for page, parse in ((pages.openmetrics, openmetrics), (pages.text, text)):
        assert lines(page) <= limit.max_series
        found = [sample for family in parse(page.decode()) for sample in family.samples]
        ours = {series(one): one.value for one in found if one.name.startswith("immap_")}
        assert len(ours) == lines(page)
        told.append(ours)
    assert told[0] == told[1]
    return found
