# SPDX-License-Identifier: GPL-2.0-or-later
"""A wait that user space can time is reported as that long, on that file, from that node."""

from __future__ import annotations

import subprocess
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import pytest
from tracing import Report, new_file, trace

pytestmark = pytest.mark.core

SECONDS = "1.2"
WAITER_CPUS = (2, 4, 6)
#: Below this a guest's own scheduling could be most of what user space timed.
LONG_NS = 200_000_000


@dataclass(frozen=True)
class LongHold:
    report: Report
    #: CPU -> the longest mmap and the longest munmap, ns.
    longest: dict[int, tuple[int, int]]
    file: Path


@pytest.fixture(scope="module", params=["full", "contention"])
def long_hold(request: pytest.FixtureRequest) -> LongHold:
    subprocess.run(["sysctl", "-q", "vm.max_map_count=4000000"], check=True)
    file = new_file("held")
    timings = Path("timings")
    command = f"./longhold {file} {SECONDS} {' '.join(map(str, WAITER_CPUS))} > {timings}"
    report = trace(["--mode", request.param, "--inode", str(file)], ["sh", "-c", command])
    longest = {}
    for line in timings.read_text().splitlines():
        words = line.split()
        if len(words) == 5:
            longest[int(words[0])] = (int(words[2]), int(words[4]))
    return LongHold(report, longest, file)


def longest_wait(hold: LongHold, node: int, operation: str) -> float:
    rows = hold.report.rows(hold.file, node=node, operation=operation)
    return max((row["wait_seconds_max"] for row in rows), default=0) * 1e9


@pytest.mark.parametrize("cpu", WAITER_CPUS)
def test_a_blocked_call_and_its_wait_are_equally_long(long_hold: LongHold, cpu: int) -> None:
    blocked = [
        (call, longest_wait(long_hold, cpu // 2, operation))
        for call, operation in zip(long_hold.longest[cpu], ("insert", "remove"), strict=True)
        if call >= LONG_NS
    ]
    assert blocked, f"nobody on CPU {cpu} was blocked for 200 ms: {long_hold.longest}"
    for call, wait in blocked:
        assert 0.9 * call <= wait <= call


def test_nothing_of_another_file_is_in_the_report(long_hold: LongHold) -> None:
    assert long_hold.report.rows() == long_hold.report.rows(long_hold.file)


def test_a_histogram_has_every_wait_and_the_longest_in_its_bucket(long_hold: LongHold) -> None:
    waited = [row for row in long_hold.report.rows(long_hold.file) if row["contended"]]
    assert waited
    for row in waited:
        bounds, counts = row["wait_buckets"]["le"], row["wait_buckets"]["count"]
        assert sum(counts) == row["contended"] + row["interrupted"]
        longest = bisect_left(bounds, row["wait_seconds_max"])
        assert counts[longest] > 0
        assert not any(counts[longest + 1 :])


def test_who_came_during_the_walk_waited_behind_a_reader(long_hold: LongHold) -> None:
    # Who came just before it may have found a writer, and then waited for the walk as well. But
    # that writer came again a millisecond later, and found the walk.
    behind = {
        (row["holder_kind"], row["holder_node"])
        for row in long_hold.report.rows(long_hold.file)
        if row["wait_seconds_max"] * 1e9 >= LONG_NS
    }
    assert ("reader", None) in behind


def test_the_law_holds(long_hold: LongHold) -> None:
    assert set(long_hold.report.law().values()) == {0}
