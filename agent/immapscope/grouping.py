# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of a snapshot summed by the keys a person asks for, sorted, and cut to the top of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from immapscope.errors import UsageError
from immapscope.snapshot import HolderKind, Inode, Row


class Key(StrEnum):
    """What rows can be grouped by. `HOLDER` is two fields: the holder's kind and its node."""

    INODE = "inode"
    SHARD = "shard"
    NODE = "node"
    HOLDER = "holder"
    OPERATION = "operation"
    CAUSE = "cause"


ALL_KEYS: Final[tuple[Key, ...]] = tuple(Key)


class SortKey(StrEnum):
    """What rows are sorted by: every one but `NAME` puts the largest first."""

    WAIT = "wait"
    CONTENDED = "contended"
    ACQUISITIONS = "acquisitions"
    HOLD = "hold"
    MAX = "max"
    SPIN = "spin"
    INTERRUPTED = "interrupted"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class GroupedRow(Row):
    """A `Row` summed over what it was not grouped by; those keys are None.

    `rest_of` is the number of rows behind `top` that were summed into this one, 0 for all others.
    """

    rest_of: int = 0


FileIdentity = tuple[str, int, int]


def identity(inode: Inode) -> FileIdentity:
    """What makes two inodes one file: device, number, generation; never the name."""
    return (inode.device, inode.number, inode.generation)


def parse_keys(text: str) -> tuple[Key, ...]:
    """The keys of a `--by` list such as `inode,node,operation`, in the order given.

    Raises UsageError for an empty list, an unknown key and a key given twice.
    """
    known = ", ".join(Key)
    words = [word.strip() for word in text.split(",")]
    if words == [""]:
        raise UsageError(f"--by is empty; it takes any of {known}, separated by commas")
    keys: list[Key] = []
    for word in words:
        try:
            key = Key(word)
        except ValueError:
            raise UsageError(f"--by: unknown key {word!r}; the keys are {known}") from None
        if key in keys:
            raise UsageError(f"--by: {word!r} is given twice")
        keys.append(key)
    return tuple(keys)


def parse_sort(text: str) -> SortKey:
    """The `--sort` of that name. Raises UsageError for an unknown one."""
    try:
        return SortKey(text)
    except ValueError:
        known = ", ".join(SortKey)
        raise UsageError(f"--sort: unknown key {text!r}; the keys are {known}") from None


def group(rows: Iterable[Row], keys: Sequence[Key]) -> tuple[GroupedRow, ...]:
    """Disjoint rows summed by `keys`, each group where its first row was.

    A count that may be None (acquisitions, spin, hold, buckets) is None only where no row of the
    group had it; else the rows that lack it add nothing. The maximum is the maximum.
    """
    grouped: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(_key_of(row, keys), []).append(row)
    return tuple(_summed(members, keys) for members in grouped.values())


def in_order(rows: Iterable[GroupedRow], sort: SortKey) -> tuple[GroupedRow, ...]:
    """The rows by `sort`; ties, and what is unknown (last), fall back to the keys' own order."""
    by_keys = sorted(rows, key=_own_order)
    if sort is SortKey.NAME:
        return tuple(by_keys)
    return tuple(sorted(by_keys, key=lambda row: _magnitude(row, sort), reverse=True))


def top(rows: Sequence[GroupedRow], count: int) -> tuple[GroupedRow, ...]:
    """The first `count` rows, then all others summed into one whose keys are all None.

    Where rows are grouped by inode, those of no known file always belong to that rest, so that it
    is the only row without an inode. Nothing is summed where all rows fit.
    """
    if len(rows) <= count:
        return tuple(rows)
    by_file = any(row.inode is not None for row in rows)
    kept: list[GroupedRow] = []
    rest: list[GroupedRow] = []
    for row in rows:
        nameless = by_file and row.inode is None
        (rest if nameless or len(kept) >= count else kept).append(row)
    return (*kept, _summed(rest, (), rest_of=len(rest)))


def _key_of(row: Row, keys: Sequence[Key]) -> tuple[object, ...]:
    values: list[object] = []
    for key in keys:
        match key:
            case Key.INODE:
                values.append(identity(row.inode) if row.inode else None)
            case Key.SHARD:
                values.append(row.shard)
            case Key.NODE:
                values.append(row.node)
            case Key.HOLDER:
                values.append((row.holder_kind, row.holder_node))
            case Key.OPERATION:
                values.append(row.operation)
            case Key.CAUSE:
                values.append(row.cause)
    return tuple(values)


def _summed(rows: Sequence[Row], keys: Sequence[Key], rest_of: int = 0) -> GroupedRow:
    first = rows[0]
    by_holder = Key.HOLDER in keys
    return GroupedRow(
        inode=_best_known(rows) if Key.INODE in keys else None,
        shard=first.shard if Key.SHARD in keys else None,
        node=first.node if Key.NODE in keys else None,
        holder_kind=first.holder_kind if by_holder else None,
        holder_node=first.holder_node if by_holder else None,
        operation=first.operation if Key.OPERATION in keys else None,
        cause=first.cause if Key.CAUSE in keys else None,
        acquisitions=_known_sum(row.acquisitions for row in rows),
        contended=sum(row.contended for row in rows),
        interrupted=sum(row.interrupted for row in rows),
        wait_ns=sum(row.wait_ns for row in rows),
        spin_ns=_known_sum(row.spin_ns for row in rows),
        wait_max_ns=max(row.wait_max_ns for row in rows),
        hold_ns=_known_sum(row.hold_ns for row in rows),
        wait_buckets=_bucket_sums(rows),
        rest_of=rest_of,
    )


def _best_known(rows: Sequence[Row]) -> Inode | None:
    """The same file may be named in one row and not yet in another."""
    inodes = {row.inode for row in rows if row.inode is not None}
    return max(inodes, default=None, key=_amount_known)


def _amount_known(inode: Inode) -> tuple[bool, bool, bool, str, str]:
    return (
        inode.name is not None,
        inode.path is not None,
        inode.deleted,
        inode.name or "",
        inode.path or "",
    )


def _known_sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _bucket_sums(rows: Sequence[Row]) -> tuple[int, ...] | None:
    known = [row.wait_buckets for row in rows if row.wait_buckets is not None]
    return tuple(map(sum, zip(*known, strict=True))) if known else None


def _magnitude(row: GroupedRow, sort: SortKey) -> int:
    value = {
        SortKey.WAIT: row.wait_ns,
        SortKey.CONTENDED: row.contended,
        SortKey.ACQUISITIONS: row.acquisitions,
        SortKey.HOLD: row.hold_ns,
        SortKey.MAX: row.wait_max_ns,
        SortKey.SPIN: row.spin_ns,
        SortKey.INTERRUPTED: row.interrupted,
    }[sort]
    return -1 if value is None else value


def _own_order(row: GroupedRow) -> tuple[object, ...]:
    """By name, file, then the other keys in the order of their words; unknown comes last."""
    inode = row.inode
    return (
        (inode is None, inode is None or inode.name is None, (inode and inode.name) or ""),
        identity(inode) if inode else ("", 0, 0),
        _unknown_last(row.shard),
        _unknown_last(row.node),
        (row.holder_kind is None, row.holder_kind or HolderKind.UNKNOWN),
        _unknown_last(row.holder_node),
        _unknown_last(row.operation.code if row.operation else None),
        _unknown_last(row.cause.code if row.cause else None),
    )


def _unknown_last(value: int | None) -> tuple[bool, int]:
    return (value is None, value or 0)
