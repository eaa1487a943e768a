# SPDX-License-Identifier: GPL-2.0-or-later
"""Grouping loses nothing, whatever it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.errors import UsageError
from immapscope.grouping import (
    ALL_KEYS,
    GroupedRow,
    Key,
    SortKey,
    group,
    in_order,
    parse_keys,
    parse_sort,
    top,
)
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import HolderKind, Inode, Row
from tests.outputs.strategies import key_lists, rows
from tests.synthetic import LIBC, LOADER, contended_row, free_row

SOME_WAITS = contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, [1_000, 3_000], spin_ns=500)
NO_WAITS = free_row(LIBC, 1, Operation.INSERT, 40, 900)


def sums(rows: Iterable[Row]) -> tuple[object, ...]:
    members = list(rows)
    known = [
        [getattr(row, name) for row in members if getattr(row, name) is not None]
        for name in ("acquisitions", "spin_ns", "hold_ns")
    ]
    buckets = [row.wait_buckets for row in members if row.wait_buckets is not None]
    return (
        *(sum(values) if values else None for values in known),
        sum(row.contended for row in members),
        sum(row.interrupted for row in members),
        sum(row.wait_ns for row in members),
        max((row.wait_max_ns for row in members), default=0),
        tuple(map(sum, zip(*buckets, strict=True))),
    )


def values_of(row: Row, keys: Iterable[Key]) -> tuple[object, ...]:
    inode = row.inode
    return tuple(
        {
            Key.INODE: inode and (inode.device, inode.number, inode.generation),
            Key.SHARD: row.shard,
            Key.NODE: row.node,
            Key.HOLDER: (row.holder_kind, row.holder_node),
            Key.OPERATION: row.operation,
            Key.CAUSE: row.cause,
        }[key]
        for key in keys
    )


def test_keys_are_taken_in_the_order_given() -> None:
    assert parse_keys("operation, inode") == (Key.OPERATION, Key.INODE)
    assert parse_keys(",".join(ALL_KEYS)) == ALL_KEYS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("inode,", "unknown key ''"),
        ("inode,nodes", "unknown key 'nodes'; the keys are inode, shard, node, holder"),
        ("INODE", "unknown key 'INODE'"),
        ("node,inode,node", "'node' is given twice"),
    ],
)
def test_keys_that_make_no_sense_are_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_keys(text)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_unknown_sort_is_refused_with_the_known_ones() -> None:
    assert parse_sort("max") is SortKey.MAX
    with pytest.raises(UsageError, match=r"unknown key 'size'; the keys are wait, contended"):
        parse_sort("size")


@given(st.lists(rows), key_lists)
def test_every_sum_is_conserved_by_any_keys(measured: list[Row], keys: tuple[Key, ...]) -> None:
    assert sums(group(measured, keys)) == sums(measured)


@given(st.lists(rows), key_lists)
def test_each_group_holds_exactly_its_own_rows(measured: list[Row], keys: tuple[Key, ...]) -> None:
    grouped = group(measured, keys)
    found = {values_of(row, keys): sums([row]) for row in grouped}
    assert len(found) == len(grouped)
    for values, summed in found.items():
        assert summed == sums(row for row in measured if values_of(row, keys) == values)


@given(st.lists(rows), key_lists, st.sampled_from(SortKey), st.integers(0, 6))
def test_top_keeps_the_first_and_conserves_the_sums(
    measured: list[Row], keys: tuple[Key, ...], sort: SortKey, count: int
) -> None:
    everything = in_order(group(measured, keys), sort)
    cut = top(everything, count)
    assert sums(cut) == sums(measured)
    assert len(cut) <= count + 1
    assert sum(row.rest_of or 1 for row in cut) == len(everything)
    kept = [row for row in cut if not row.rest_of]
    assert kept == [row for row in everything if row in kept]


@given(st.lists(rows), key_lists, st.sampled_from(SortKey), st.randoms())
def test_the_order_of_rows_does_not_depend_on_how_they_came(
    measured: list[Row], keys: tuple[Key, ...], sort: SortKey, random: Random
) -> None:
    shuffled = list(measured)
    random.shuffle(shuffled)
    assert in_order(group(measured, keys), sort) == in_order(group(shuffled, keys), sort)


def test_keys_not_grouped_by_are_none() -> None:
    (row,) = group([SOME_WAITS], [Key.NODE])
    assert row.node == 1
    assert (row.inode, row.shard, row.operation, row.cause) == (None, None, None, None)
    assert (row.holder_kind, row.holder_node) == (None, None)


def test_a_holder_is_its_kind_and_its_node() -> None:
    elsewhere = replace(SOME_WAITS, holder_node=3)
    holders = [
        (row.holder_kind, row.holder_node) for row in group([SOME_WAITS, elsewhere], [Key.HOLDER])
    ]
    assert sorted(holders) == [(HolderKind.WRITER, 0), (HolderKind.WRITER, 3)]


def test_absent_is_not_zero() -> None:
    reader = replace(SOME_WAITS, spin_ns=None)
    contention = replace(reader, acquisitions=None, hold_ns=None)
    (row,) = group([contention, contention], [Key.INODE])
    assert (row.acquisitions, row.hold_ns, row.spin_ns) == (None, None, None)
    (row,) = group([contention, NO_WAITS, SOME_WAITS], [Key.INODE])
    assert (row.acquisitions, row.hold_ns, row.spin_ns) == (42, 900, 500)
    (row,) = group([NO_WAITS], [Key.INODE])
    assert row.wait_buckets is None


def test_one_file_is_one_whether_or_not_its_name_is_known_yet() -> None:
    nameless = replace(SOME_WAITS, inode=replace(LIBC, name=None))
    for measured in ([nameless, SOME_WAITS], [SOME_WAITS, nameless]):
        (row,) = group(measured, [Key.INODE])
        assert row.inode == LIBC


def test_two_files_of_one_name_are_two() -> None:
    namesake = replace(SOME_WAITS, inode=replace(LIBC, number=99))
    reborn = replace(SOME_WAITS, inode=replace(LIBC, generation=8))
    assert len(group([SOME_WAITS, namesake, reborn], [Key.INODE])) == 3


def row_named(name: str | None, **measured: int | None) -> GroupedRow:
    (row,) = group([replace(NO_WAITS, inode=replace(LIBC, name=name))], [Key.INODE])
    inode = Inode("254:0", sum(map(ord, name or "")), 0, name)
    return replace(row, inode=inode, **measured)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sort", "field"),
    [
        (SortKey.WAIT, "wait_ns"),
        (SortKey.CONTENDED, "contended"),
        (SortKey.ACQUISITIONS, "acquisitions"),
        (SortKey.HOLD, "hold_ns"),
        (SortKey.MAX, "wait_max_ns"),
        (SortKey.SPIN, "spin_ns"),
        (SortKey.INTERRUPTED, "interrupted"),
    ],
)
def test_the_largest_comes_first_and_ties_go_by_name(sort: SortKey, field: str) -> None:
    measured = [row_named(name, **{field: value}) for name, value in [("c", 1), ("b", 9), ("a", 1)]]
    assert [row.inode.name for row in in_order(measured, sort) if row.inode] == ["b", "a", "c"]


def test_what_is_unknown_sorts_behind_zero() -> None:
    measured = [row_named("a", spin_ns=None), row_named("b", spin_ns=0)]
    assert [row.spin_ns for row in in_order(measured, SortKey.SPIN)] == [0, None]


def test_names_sort_upwards_and_the_nameless_last() -> None:
    measured = [row_named(None), row_named("b"), row_named("a")]
    names = [row.inode.name for row in in_order(measured, SortKey.NAME) if row.inode]
    assert names == ["a", "b", None]


def test_the_rest_is_the_only_row_without_a_file() -> None:
    overflow = replace(SOME_WAITS, inode=None, wait_ns=10**9)
    loader = replace(SOME_WAITS, inode=LOADER, wait_ns=1)
    cut = top(group([overflow, SOME_WAITS, loader], [Key.INODE]), 1)
    assert [(row.inode, row.rest_of) for row in cut] == [(LIBC, 0), (None, 2)]


def test_nothing_is_summed_where_all_rows_fit() -> None:
    everything = group([SOME_WAITS, replace(SOME_WAITS, inode=None)], [Key.INODE])
    assert top(everything, 2) == everything
