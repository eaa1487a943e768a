# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files have their own series, and that no count is lost, doubled or taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from immapscope.exporter import Exporter, Limits
from immapscope.exporter.accounting import Accounting
from immapscope.exporter.labels import FileLabels
from immapscope.snapshot import Shard, TreeOperations
from tests.exporter.machines import (
    MS,
    ONE_WAIT,
    STATUS,
    an_exporter,
    inode,
    interval,
    lines,
    named_files,
    room_for,
    samples,
    value,
    wait,
)

WAITS = "immap_contended_total"


def of_file(exporter: Exporter, number: int) -> float | None:
    return value(exporter, WAITS, inode=f"254:0:{number}")


def test_the_files_with_most_wait_keep_their_own() -> None:
    exporter = an_exporter(room_for(5))
    exporter.observe(interval(wait(inode(n), n * MS) for n in range(1, 21)), STATUS)
    assert named_files(exporter) == {f"lib{n}.so" for n in (16, 17, 18, 19, 20)}
    assert value(exporter, WAITS, file="other", inode="") == 15
    assert value(exporter, WAITS) == 20


def test_a_file_that_does_not_fit_goes_whole_and_leaves_room_for_smaller_ones() -> None:
    exporter = an_exporter(1_000)
    # On so many nodes its series alone are 31 times 40, and a cause: more than the limit.
    large = [wait(inode(1), 100 * MS, node=node) for node in range(40)]
    exporter.observe(interval([*large, wait(inode(2), MS), wait(inode(3), MS)]), STATUS)
    assert named_files(exporter) == {"lib2.so", "lib3.so"}
    assert value(exporter, WAITS, file="other", inode="") == 40


def test_files_without_any_wait_have_series_where_there_is_room() -> None:
    exporter = an_exporter()
    exporter.observe(interval(trees=[TreeOperations(inode(1), 0, 0, 7, 0, 0)]), STATUS)
    assert value(exporter, "immap_tree_operations_total", file="lib1.so") == 7


def test_a_hot_file_is_named_at_once() -> None:
    exporter = an_exporter(room_for(5))
    busy = [wait(inode(n), 10 * MS) for n in range(1, 6)]
    for _ in range(10):
        exporter.observe(interval(busy), STATUS)
    exporter.observe(interval([*busy, wait(inode(9), 100 * MS)]), STATUS)
    assert "lib9.so" in named_files(exporter)


def test_a_hot_file_is_named_at_once_after_tens_of_thousands_of_others() -> None:
    accounting = Accounting()
    # More than twice as many as are ranked, as are remembered, and as have series.
    for first in range(0, 24_000, 4_000):
        trees = [TreeOperations(inode(first + n), 0, 0, 1, 0, 0) for n in range(4_000)]
        accounting.take(interval(trees=trees), 0.0, 9, Limits(1_000))
    accounting.take(interval([wait(inode(999_999, "hot"), MS)]), 0.0, 9, Limits(1_000))
    assert accounting.top(1)[0][0] == FileLabels("hot", "254:0:999999")


def test_files_that_wait_alike_do_not_take_turns() -> None:
    exporter = an_exporter(room_for(5))
    seen = []
    for turn in range(8):
        waits = [wait(inode(n), (10 + (turn + n) % 3) * MS) for n in range(1, 11)]
        exporter.observe(interval(waits), STATUS)
        seen.append(named_files(exporter))
    assert all(names == seen[0] for names in seen)
    assert len(seen[0]) == 5


def test_files_that_come_and_go_without_a_wait_make_no_new_series_at_every_snapshot() -> None:
    accounting = Accounting()
    seen = []
    for turn in range(10):
        trees = [TreeOperations(inode(turn * 1000 + n), 0, 0, 1, 0, 0) for n in range(1000)]
        accounting.take(interval(trees=trees), 0.0, 9, Limits(1_000))
        seen.append({labels for labels, _ in accounting.accounts()})
    assert all(files == seen[1] for files in seen[1:])


def nobody_knows(number: int) -> Shard:
    """What is told of a file's tree when its slot goes."""
    return Shard(inode(number), 0, None, None, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("of_idle_files", [(), tuple(nobody_knows(1000 + n) for n in range(900))])
def test_a_file_that_comes_takes_the_place_of_one_that_was_idle_for_an_hour(
    of_idle_files: tuple[Shard, ...],
) -> None:
    accounting = Accounting()
    for number in (1, 2):
        trees = [TreeOperations(inode(number * 1000 + n), 0, 0, 1, 0, 0) for n in range(900)]
        accounting.take(interval(trees=trees), 0.0, 9, Limits(1_000))
    hour = replace(interval(), duration_ns=3601 * 10**9, shards=of_idle_files)
    accounting.take(hour, 0.0, 9, Limits(1_000))
    trees = [TreeOperations(inode(3000 + n), 0, 0, 1, 0, 0) for n in range(900)]
    accounting.take(interval(trees=trees), 0.0, 9, Limits(1_000))
    assert FileLabels("lib3000.so", "254:0:3000") in dict(accounting.accounts())


def test_a_file_keeps_its_series_while_nobody_needs_the_room() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1), MS)]), STATUS)
    for _ in range(200):
        exporter._accounting.take(interval(), 0.0, 9, Limits())
    exporter.observe(interval(), STATUS)
    assert of_file(exporter, 1) == 1


@pytest.fixture
def evicted() -> Exporter:
    """File 1 had three waits of its own, lost its series, then had two more."""
    exporter = an_exporter(room_for(5))
    first = [wait(inode(1), MS)] * 3
    exporter.observe(interval([*first, *(wait(inode(n), 9 * MS) for n in range(2, 6))]), STATUS)
    assert of_file(exporter, 1) == 3
    hot = [wait(inode(n), 900 * MS) for n in range(11, 16)]
    exporter.observe(interval([*hot, *first[:2]]), STATUS)
    assert of_file(exporter, 1) is None
    return exporter


def test_only_what_came_while_it_had_no_series_goes_to_other(evicted: Exporter) -> None:
    assert value(evicted, WAITS, file="other", inode="") == 2


def test_a_returning_file_goes_on_from_its_last_values(evicted: Exporter) -> None:
    evicted.observe(interval([wait(inode(1), 90_000 * MS)]), STATUS)
    assert of_file(evicted, 1) == 4
    assert value(evicted, WAITS, file="other", inode="") == 2
    assert value(evicted, "immap_contended_created") is None


def test_vmas_are_not_remembered(evicted: Exporter) -> None:
    assert value(evicted, "immap_shard_vmas") is None


def test_that_mappings_are_no_longer_known_is_nothing_new(evicted: Exporter) -> None:
    exposed, files = samples(evicted), (1, 11, 99)
    evicted.observe(replace(interval(), shards=tuple(map(nobody_knows, files))), STATUS)
    assert samples(evicted) == exposed


def test_series_that_the_limit_keeps_in_other_are_counted(evicted: Exporter) -> None:
    assert value(evicted, "immap_dropped_series_total") == ONE_WAIT
    evicted.observe(interval([wait(inode(1), 1)]), STATUS)
    assert value(evicted, "immap_dropped_series_total") == 2 * ONE_WAIT


def test_a_forgotten_file_starts_again_with_a_created_timestamp() -> None:
    now = [1000.0]
    exporter = Exporter(Limits(room_for(5), remembered_files=0), clock=lambda: now[0])
    exporter.observe(interval([wait(None, MS), *[wait(inode(1), MS)] * 3]), STATUS)
    assert value(exporter, "immap_contended_created") is None
    now[0] = 1015.0
    exporter.observe(interval(wait(inode(n), 900 * MS) for n in range(2, 7)), STATUS)
    assert of_file(exporter, 1) is None
    now[0] = 1030.0
    exporter.observe(interval([wait(inode(1), 90_000 * MS)]), STATUS)
    assert of_file(exporter, 1) == 1
    created = {s.value for s in samples(exporter) if s.name.endswith("_created")}
    # When the interval began in which it returned.
    assert created == {1015.0}
    assert value(exporter, "immap_wait_duration_seconds_created", file="lib1.so") == 1015.0
    assert value(exporter, "immap_contended_created", file="lib5.so") is None


def test_lines_of_created_timestamps_are_within_the_limit_too() -> None:
    exporter = an_exporter(room_for(5), remembered_files=0)
    for first in range(1, 100, 10):
        waits = [wait(inode(first + n), first**4 * MS) for n in range(10)]
        exporter.observe(interval(waits), STATUS)
        assert lines(exporter.pages.openmetrics) <= room_for(5)
    assert b"_created{" in exporter.pages.openmetrics


def test_a_file_that_returned_is_remembered_as_one_of_the_newest() -> None:
    exporter = an_exporter(room_for(5), remembered_files=10)
    for turn, group in enumerate((1, 2, 1, 3, 4, 1)):
        hotter = 10 ** (turn + 6)
        rows = [wait(inode(10 * group + n), hotter) for n in range(5)]
        exporter.observe(interval([wait(None, 1), *rows]), STATUS)
    assert [of_file(exporter, 10 + n) for n in range(5)] == [3] * 5


def test_what_a_file_waited_long_ago_does_not_keep_its_place() -> None:
    exporter = an_exporter(room_for(5))
    exporter.observe(interval(wait(inode(n), 900 * MS) for n in range(1, 6)), STATUS)
    exporter.observe(replace(interval([wait(None, 1)]), duration_ns=900 * 10**9), STATUS)
    exporter.observe(interval([wait(inode(9), MS)]), STATUS)
    assert "lib9.so" in named_files(exporter)


def test_only_the_newest_files_are_remembered() -> None:
    exporter = an_exporter(room_for(5), remembered_files=5)
    for first in (1, 11, 21):
        waits = [wait(None, MS), *(wait(inode(first + n), first**3 * MS) for n in range(5))]
        exporter.observe(interval(waits), STATUS)
    exporter.observe(interval(wait(inode(n), 10**6 * MS) for n in (1, 2, 11, 12)), STATUS)
    assert [of_file(exporter, n) for n in (1, 2, 11, 12)] == [1, 1, 2, 2]


def test_a_renamed_file_keeps_the_name_that_it_was_published_with() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1, "old"), MS)]), STATUS)
    exporter.observe(interval([wait(inode(1, "new"), MS)]), STATUS)
    assert named_files(exporter) == {"old"}
    assert of_file(exporter, 1) == 2


def test_a_file_renamed_while_it_had_no_series_starts_under_its_new_name() -> None:
    exporter = an_exporter(room_for(5))
    exporter.observe(interval([wait(None, MS), wait(inode(1, "old"), MS)]), STATUS)
    exporter.observe(interval(wait(inode(n), 900 * MS) for n in range(2, 7)), STATUS)
    exporter.observe(interval([wait(inode(1, "new"), 90_000 * MS)]), STATUS)
    assert value(exporter, WAITS, file="new") == 1
    assert value(exporter, WAITS, file="old") is None


def test_a_number_used_again_by_another_name_is_another_file() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1, "old", 7), MS)]), STATUS)
    exporter.observe(interval([wait(inode(1, "new", 8), MS)]), STATUS)
    assert value(exporter, WAITS, file="old") == 1
    assert value(exporter, WAITS, file="new") == 1


def test_a_number_used_again_by_the_same_name_goes_on() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(inode(1, "libc", 7), MS)] * 2), STATUS)
    both = [wait(inode(1, "libc", 7), MS), wait(inode(1, "libc", 8), MS)]
    exporter.observe(interval(both), STATUS)
    assert of_file(exporter, 1) == 4


def test_the_limit_may_change_between_two_snapshots() -> None:
    exporter = an_exporter(room_for(5))
    waits = [wait(inode(n), MS) for n in range(1, 11)]
    exporter.observe(interval(waits), STATUS)
    assert len(named_files(exporter)) == 5
    exporter.limits = Limits(room_for(10))
    exporter.observe(interval(waits), STATUS)
    assert len(named_files(exporter)) == 10
    exporter.limits = Limits(room_for(7))
    exporter.observe(interval(waits), STATUS)
    assert len(named_files(exporter)) == 7
    assert value(exporter, WAITS) is not None
