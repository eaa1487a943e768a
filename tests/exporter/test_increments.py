# SPDX-License-Identifier: GPL-2.0-or-later
"""Which metric each number of a snapshot becomes, under which labels; what is absent stays so."""

from __future__ import annotations

from dataclasses import replace

from immapscope.kernel.words import Operation
from immapscope.snapshot import HolderKind, Mode, Shard, Sweep, TreeOperations
from tests.exporter.machines import MS, STATUS, an_exporter, inode, interval, samples, value, wait
from tests.synthetic import LIBC, free_row

WAITED = replace(wait(LIBC, 3 * MS, shard=2, node=1, holder_node=0), spin_ns=MS)
OF_LIBC = {"file": "libc.so.6", "inode": "254:0:1234"}


def test_a_wait_is_told_by_place_cause_holder_and_duration() -> None:
    exporter = an_exporter()
    exporter.observe(interval([WAITED]), STATUS)
    place = OF_LIBC | {"shard": "2", "node": "1", "operation": "insert"}
    cause = OF_LIBC | {"cause": "mmap", "operation": "insert"}
    holder = OF_LIBC | {"node": "1", "holder_node": "0"}
    assert value(exporter, "immap_wait_seconds_total", **place) == 0.003
    assert value(exporter, "immap_spin_seconds_total", **place) == 0.001
    assert value(exporter, "immap_contended_total", **place) == 1
    assert value(exporter, "immap_wait_cause_seconds_total", **cause) == 0.003
    assert value(exporter, "immap_waits_by_holder_total", **holder) == 1
    assert value(exporter, "immap_wait_duration_seconds_count", **OF_LIBC, node="1") == 1
    assert value(exporter, "immap_wait_duration_seconds_sum", **OF_LIBC, node="1") == 0.003


def test_full_mode_has_acquisitions_and_holds_by_shard_and_operation() -> None:
    exporter = an_exporter()
    rows = [replace(free_row(LIBC, node, Operation.WALK, 5, 7_000), shard=3) for node in (0, 1)]
    exporter.observe(interval(rows, mode=Mode.FULL), STATUS)
    place = OF_LIBC | {"shard": "3", "operation": "walk"}
    assert value(exporter, "immap_acquisitions_total", **place) == 10
    assert value(exporter, "immap_hold_seconds_total", **place) == 14e-6


def test_contention_mode_has_no_acquisitions_even_after_full_mode() -> None:
    exporter = an_exporter()
    exporter.observe(interval([free_row(LIBC, 0, Operation.WALK, 5, 7)], mode=Mode.FULL), STATUS)
    exporter.observe(interval([WAITED]), STATUS)
    assert value(exporter, "immap_acquisitions_total") is None
    assert value(exporter, "immap_hold_seconds_total") is None
    exporter.observe(interval([free_row(LIBC, 0, Operation.WALK, 2, 7)], mode=Mode.FULL), STATUS)
    assert value(exporter, "immap_acquisitions_total") == 7


def test_what_is_not_known_is_an_empty_label_or_absent() -> None:
    exporter = an_exporter()
    reader = replace(
        WAITED,
        shard=None,
        spin_ns=None,
        cause=None,
        holder_kind=HolderKind.READER,
        holder_node=None,
    )
    exporter.observe(interval([reader]), STATUS)
    assert value(exporter, "immap_wait_seconds_total", shard="") == 0.003
    assert value(exporter, "immap_spin_seconds_total") is None
    assert value(exporter, "immap_wait_cause_seconds_total", cause="unknown") == 0.003
    assert value(exporter, "immap_waits_by_holder_total", node="1", holder_node="") == 1


def test_what_is_zero_has_no_series() -> None:
    exporter = an_exporter()
    exporter.observe(interval([replace(WAITED, spin_ns=0)]), STATUS)
    assert value(exporter, "immap_spin_seconds_total") is None
    assert value(exporter, "immap_execs_total") is None


def test_tree_operations_are_summed_over_nodes() -> None:
    exporter = an_exporter()
    trees = [TreeOperations(LIBC, 1, node, 3, 0, 1) for node in (0, 5)]
    exporter.observe(interval(trees=trees), STATUS)
    found = {
        sample.labels["operation"]: sample.value
        for sample in samples(exporter)
        if sample.name == "immap_tree_operations_total"
    }
    assert found == {"insert": 6, "remove": 2}


def test_sweeps_and_their_wait_have_no_shard() -> None:
    exporter = an_exporter()
    exporter.observe(replace(interval(), sweeps=(Sweep(LIBC, 2, 5 * MS),)), STATUS)
    assert value(exporter, "immap_sweeps_total", **OF_LIBC) == 2
    assert value(exporter, "immap_sweep_wait_seconds_total", **OF_LIBC) == 0.005


def test_vmas_are_what_they_are_now_and_go_when_nobody_knows() -> None:
    exporter = an_exporter()
    seen = []
    for vmas in (None, 0, 812, 0, 7, None):
        shard = Shard(LIBC, 0, None, vmas, 0, 0, 0, 0, 0)
        exporter.observe(replace(interval([WAITED]), shards=(shard,)), STATUS)
        seen.append(value(exporter, "immap_shard_vmas", **OF_LIBC, shard="0"))
    assert seen == [None, None, 812, 0, 7, None]


def test_a_file_that_one_row_names_and_another_does_not_is_one_file() -> None:
    exporter = an_exporter()
    nameless = replace(LIBC, name=None)
    exporter.observe(interval([replace(WAITED, inode=nameless), WAITED]), STATUS)
    assert value(exporter, "immap_contended_total", **OF_LIBC) == 2


def test_a_file_without_a_name_goes_by_its_number() -> None:
    exporter = an_exporter()
    exporter.observe(interval([replace(WAITED, inode=replace(LIBC, name=None))]), STATUS)
    assert value(exporter, "immap_contended_total", file="254:0:1234", inode="254:0:1234") == 1


def test_files_beyond_the_slots_are_in_other() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(None, MS)]), STATUS)
    assert value(exporter, "immap_contended_total", file="other", inode="") == 1


def test_a_file_called_other_is_told_from_the_rest_by_its_inode() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(5, "other"), MS), wait(None, MS)]), STATUS)
    assert value(exporter, "immap_contended_total", file="other", inode="254:0:5") == 1
    assert value(exporter, "immap_contended_total", file="other", inode="") == 1
