# SPDX-License-Identifier: GPL-2.0-or-later
"""The limit of series, at the size of machine that it is promised for and beyond."""

from __future__ import annotations

from dataclasses import replace

import pytest

from immapscope.exporter import Exporter, Limits
from immapscope.exporter.other import COARSEST_LINES
from immapscope.snapshot import Loss, LossUnit, Mode
from tests.exporter.machines import (
    STATUS,
    an_exporter,
    everywhere,
    inode,
    interval,
    large_interval,
    lines,
    named_files,
    value,
)


@pytest.fixture(scope="module")
def large() -> Exporter:
    """12 nodes x 12 shards x 10,000 files, of which eight were waited for everywhere."""
    exporter = an_exporter()
    observed = large_interval(10_000, nodes=12, shards=12)
    loss = {f"reason_{number}": Loss(LossUnit.WAITS, number) for number in range(14)}
    exporter.observe(replace(observed, loss=loss), STATUS)
    return exporter


def test_no_page_has_more_lines_than_the_limit(large: Exporter) -> None:
    assert 9_000 < lines(large.pages.text) <= 10_000
    assert 9_000 < lines(large.pages.openmetrics) <= 10_000


def test_the_hottest_file_is_named_even_there_and_many_a_small_one(large: Exporter) -> None:
    assert "lib1.so" in named_files(large)
    assert len(named_files(large)) > 50


def test_all_of_the_interval_is_told(large: Exporter) -> None:
    waits = 20_000 + 8 * 12 * 13 * 6
    assert value(large, "immap_contended_total") == waits
    assert value(large, "immap_tree_operations_total") == 60_000


def test_with_default_limits_other_has_every_label_of_such_a_machine() -> None:
    exporter = an_exporter()
    rows = list(everywhere(None, 1000, 12, 12))
    exporter.observe(interval(rows, mode=Mode.FULL), STATUS)
    places = 12 * 13 * 6
    assert value(exporter, "immap_contended_total", operation="") is None
    assert value(exporter, "immap_contended_total", file="other") == places
    assert lines(exporter.pages.text) > 3 * places
    assert lines(exporter.pages.text) <= Limits().of_other


def test_where_even_other_is_too_large_the_rest_of_it_has_empty_labels() -> None:
    exporter = an_exporter(1_000)
    for _ in range(2):
        exporter.observe(interval(everywhere(None, 1000, 12, 12)), STATUS)
    assert lines(exporter.pages.text) <= 500 + 9
    assert value(exporter, "immap_contended_total") == 2 * 12 * 13 * 6
    assert value(exporter, "immap_wait_duration_seconds_count") == 2 * 12 * 13 * 6
    assert value(exporter, "immap_contended_total", shard="", node="", operation="") is not None


def test_other_leaves_half_of_the_limit_to_named_files() -> None:
    exporter = an_exporter(1_000)
    for number in range(1, 12):
        exporter.observe(interval(everywhere(inode(number), 1000, number % 5 + 1, 7)), STATUS)
    exporter.observe(interval(everywhere(inode(99), 10**9, 2, 2)), STATUS)
    assert "lib99.so" in named_files(exporter)


def test_a_limit_lowered_below_what_other_has_takes_nothing_back() -> None:
    exporter = an_exporter()
    exporter.observe(interval(everywhere(None, 1000, 12, 12)), STATUS)
    had = lines(exporter.pages.text)
    exporter.limits = Limits(1_000)
    rows = [*everywhere(None, 1000, 12, 13), *everywhere(inode(1), 10**9, 1, 1)]
    exporter.observe(interval(rows), STATUS)
    assert named_files(exporter) == set()
    assert lines(exporter.pages.text) <= had + COARSEST_LINES
    assert value(exporter, "immap_contended_total") == 12 * 6 * (13 + 14) + 2 * 6


def test_other_at_its_coarsest_fits_into_the_smallest_limit() -> None:
    assert Limits(200).of_other > COARSEST_LINES + 9
