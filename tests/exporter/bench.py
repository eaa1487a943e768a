# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exporter costs at its default limits: `python -m tests.exporter.bench`."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from immapscope.exporter import Exporter, Limits, Server
from immapscope.exporter.accounting import Accounting
from immapscope.exporter.machine import SINGLE_LINES
from tests.exporter.machines import (
    MS,
    ONE_WAIT,
    STATUS,
    an_exporter,
    inode,
    interval,
    large_interval,
    lines,
    wait,
)
from tests.exporter.serving import ANYWHERE, ask


def main() -> None:
    exporter = an_exporter()
    storm = large_interval(10_000, nodes=12, shards=12)
    exporter.observe(storm, STATUS)
    pages = exporter.pages
    print(f"12 nodes x 12 shards x 10,000 files: {lines(pages.text):,} lines of immap_*")
    for name, page in (("text", pages.text), ("OpenMetrics", pages.openmetrics)):
        print(f"  {name}: {len(page):,} bytes")
    print(f"  text, gzip: {len(pages.text_gzip):,} bytes")
    nothing = interval()
    for name, observed in (("of all this", storm), ("of nothing: rendering", nothing)):
        spent = _median_ms(partial(exporter.observe, observed, STATUS), 5, time.process_time)
        print(f"observe an interval {name}: {spent:.0f} ms of CPU")
    for name, milliseconds in scrapes(exporter).items():
        print(f"scrape, {name}: {milliseconds:.1f} ms")
    for nodes in (1, 4, 12):
        print(f"10,000 remembered files, {nodes} nodes each: {remembered(nodes) / 1e6:.1f} MB")


def scrapes(
    exporter: Exporter, times: int = 50, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The median time of a scrape over loopback in ms, plain and compressed, on new connections.

    With `time.process_time` what both ends take of a CPU, whatever else the machine does.
    """
    server = Server(ANYWHERE, lambda: exporter.pages)
    server.start()
    try:
        return {
            "plain": _median_ms(lambda: ask(server), times, clock),
            "gzip": _median_ms(lambda: ask(server, Accept_Encoding="gzip"), times, clock),
        }
    finally:
        server.stop()


def remembered(nodes: int) -> int:
    """Bytes for 10,000 files that lost their series, each with a wait on so many nodes."""
    accounting, limits = Accounting(), Limits()
    at_once = limits.max_series * 9 // (10 * ONE_WAIT * nodes)
    tracemalloc.start()
    for first in range(0, limits.remembered_files + 2 * at_once, at_once):
        rows = [
            wait(inode(first + n), MS + node, node=node, shard=node)
            for n in range(at_once)
            for node in range(nodes)
        ]
        # Long enough for all that was before to have faded.
        accounting.take(replace(interval(rows), duration_ns=600 * 10**9), 0.0, SINGLE_LINES, limits)
        assert len(list(accounting.accounts())) < at_once + 40
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used


def _median_ms(
    do: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    taken = []
    for _ in range(times):
        began = clock()
        do()
        taken.append(clock() - began)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
