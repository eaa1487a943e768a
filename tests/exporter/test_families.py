# SPDX-License-Identifier: GPL-2.0-or-later
"""The histogram's bounds."""

from __future__ import annotations

from immapscope.exporter.families import DURATION_BOUNDS, DURATION_BOUNDS_NS, EXPOSED_BUCKET
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS
from tests.exporter.machines import STATUS, an_exporter, inode, interval, samples, wait


def test_bounds_are_powers_of_two_nanoseconds_to_the_bit() -> None:
    assert [float(le) for le in DURATION_BOUNDS[:-1]] == [ns / 1e9 for ns in DURATION_BOUNDS_NS]
    assert all(ns & (ns - 1) == 0 for ns in DURATION_BOUNDS_NS)


def test_each_bucket_of_a_snapshot_is_within_the_one_that_exposes_it() -> None:
    for bound, index in zip(WAIT_BUCKET_BOUNDS_NS, EXPOSED_BUCKET[:-1], strict=True):
        assert bound <= (*DURATION_BOUNDS_NS, float("inf"))[index]
        assert index == 0 or bound > DURATION_BOUNDS_NS[index - 1]
    assert DURATION_BOUNDS[EXPOSED_BUCKET[-1]] == "+Inf"


def test_a_wait_is_counted_at_and_above_its_bound() -> None:
    exporter = an_exporter()
    waits = [wait(inode(1), wait_ns) for wait_ns in (300, 1 << 20, (1 << 20) + 1, 1 << 37)]
    exporter.observe(interval(waits), STATUS)
    counts = {
        sample.labels["le"]: sample.value
        for sample in samples(exporter)
        if sample.name == "immap_wait_duration_seconds_bucket"
    }
    assert list(counts) == list(DURATION_BOUNDS)
    assert counts["1.024e-06"] == 1
    assert counts["0.000524288"] == 1
    assert counts["0.001048576"] == 2
    assert counts["0.002097152"] == 3
    assert counts["8.589934592"] == 3
    assert counts["+Inf"] == 4
