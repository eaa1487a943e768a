# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of the machine and the agent as a whole."""

from __future__ import annotations

from dataclasses import replace

from immapscope.snapshot import Loss, LossUnit, Snapshot
from tests.exporter.machines import STATUS, an_exporter, interval, value


def losing(count: int, *, upper_bound: bool = False) -> Snapshot:
    return replace(interval(), loss={"recursion": Loss(LossUnit.WAITS, count, upper_bound)})


def test_every_reason_of_loss_starts_at_zero_and_adds_up() -> None:
    exporter = an_exporter()
    seen = []
    for count in (0, 3, 4):
        exporter.observe(losing(count, upper_bound=True), STATUS)
        seen.append(value(exporter, "immap_lost_events_total", reason="recursion"))
    assert seen == [0, 3, 7]


def test_a_reason_that_is_no_longer_measured_keeps_its_count() -> None:
    exporter = an_exporter()
    exporter.observe(losing(3), STATUS)
    exporter.observe(interval(), STATUS)
    assert value(exporter, "immap_lost_events_total", reason="recursion") == 3


def test_execs_and_forks_add_up() -> None:
    exporter = an_exporter()
    busy = interval()
    busy = replace(busy, totals=replace(busy.totals, execs=5, forks=7))
    exporter.observe(busy, STATUS)
    exporter.observe(busy, STATUS)
    assert value(exporter, "immap_execs_total") == 10
    assert value(exporter, "immap_forks_total") == 14


def test_the_agents_own_gauges_are_there_at_zero_too() -> None:
    exporter = an_exporter()
    blind = replace(STATUS, probes_attached=0, tracked_inodes=0, config_reload_successful=False)
    exporter.observe(interval(), blind)
    assert value(exporter, "immap_probes_attached") == 0
    assert value(exporter, "immap_tracked_inodes") == 0
    assert value(exporter, "immap_config_last_reload_successful") == 0
    assert value(exporter, "immap_last_snapshot_timestamp_seconds") == 1_781_181_030.25


def test_the_kernel_is_told_as_labels() -> None:
    exporter = an_exporter()
    exporter.observe(interval(), STATUS)
    facts = {"release": "6.12.90+deb13-cloud-amd64", "layout": "single", "shards": "1"}
    assert value(exporter, "immap_kernel_info", **facts, shard_policy="", attach="mixed") == 1


def test_before_the_first_snapshot_only_the_build_and_the_process_are_told() -> None:
    exporter = an_exporter()
    text = exporter.pages.text.decode()
    assert value(exporter, "immap_build_info") == 1
    assert value(exporter, "immap_probes_attached") is None
    assert "\nprocess_resident_memory_bytes " in text
    assert not exporter.pages.ready
