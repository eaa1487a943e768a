# SPDX-License-Identifier: GPL-2.0-or-later
"""What two snapshots of one session differ by: an interval, as a snapshot of its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from immapscope.grouping import ALL_KEYS, GroupedRow, group, identity
from immapscope.snapshot import (
    WAIT_BUCKET_BOUNDS_NS,
    Inode,
    Loss,
    PerUnit,
    Row,
    Shard,
    Snapshot,
    StackWeight,
    Sweep,
    Totals,
    TreeOperations,
)

INTERVAL_MAXIMUM_NOTE: Final = (
    "the longest wait of an interval is exact where it is the longest of the session so far, "
    "else the upper bound (a power of two) of the interval's highest histogram bucket"
)

T = TypeVar("T")


def difference(later: Snapshot, earlier: Snapshot) -> Snapshot:
    """What the session saw between two of its cumulative snapshots, as a snapshot of its own.

    Counts and times subtract; what had nothing new is dropped; `vmas` and `in_flight` are as they
    were at the end. `entered` counts what was inside when the interval began once more, so that
    the law holds in each interval; of all counts it is the only one that does not add up over
    intervals. `wait_max_ns` is exact where the session's maximum rose, else the upper bound of the
    highest bucket with a new wait, never above the session's maximum; a note says so.

    Raises ValueError where the two cannot be of one session, or are in the wrong order.
    """
    if (later.kernel, later.mode, later.started) != (earlier.kernel, earlier.mode, earlier.started):
        raise ValueError("the two snapshots are of different sessions")
    if later.duration_ns < earlier.duration_ns:
        raise ValueError("the later snapshot ends before the earlier one")
    return replace(
        later,
        started=earlier.started + timedelta(microseconds=earlier.duration_ns // 1000),
        duration_ns=later.duration_ns - earlier.duration_ns,
        rows=_row_differences(later.rows, earlier.rows),
        shards=_differences(later.shards, earlier.shards, _shard_key, _shard_difference),
        tree_operations=_differences(
            later.tree_operations, earlier.tree_operations, _tree_key, _tree_difference
        ),
        sweeps=_differences(later.sweeps, earlier.sweeps, _sweep_key, _sweep_difference),
        loss={
            reason: replace(loss, count=loss.count - _count_of(earlier.loss.get(reason)))
            for reason, loss in later.loss.items()
        },
        entered=_carried_over(later.entered, earlier),
        boundary=later.boundary - earlier.boundary,
        totals=_totals_difference(later.totals, earlier.totals),
        stacks=_differences(later.stacks, earlier.stacks, _frames, _stack_difference),
        notes=(*later.notes, INTERVAL_MAXIMUM_NOTE),
    )


def _differences(
    later: Iterable[T],
    earlier: Iterable[T],
    key: Callable[[T], Hashable],
    subtract: Callable[[T, T | None], T | None],
) -> tuple[T, ...]:
    before = {key(item): item for item in earlier}
    subtracted = (subtract(item, before.get(key(item))) for item in later)
    return tuple(item for item in subtracted if item is not None)


def _file(inode: Inode | None) -> Hashable:
    return identity(inode) if inode else None


def _row_differences(later: Iterable[Row], earlier: Iterable[Row]) -> tuple[Row, ...]:
    return _differences(group(later, ALL_KEYS), group(earlier, ALL_KEYS), _row_key, _row_difference)


def _row_key(row: Row) -> Hashable:
    holder = (row.holder_kind, row.holder_node)
    return (_file(row.inode), row.shard, row.node, holder, row.operation, row.cause)


def _row_difference(later: GroupedRow, earlier: GroupedRow | None) -> GroupedRow | None:
    if earlier is None:
        return later
    buckets = _bucket_differences(later.wait_buckets, earlier.wait_buckets)
    contended = later.contended - earlier.contended
    new = replace(
        later,
        acquisitions=_known_difference(later.acquisitions, earlier.acquisitions),
        contended=contended,
        interrupted=later.interrupted - earlier.interrupted,
        wait_ns=later.wait_ns - earlier.wait_ns,
        spin_ns=_known_difference(later.spin_ns, earlier.spin_ns) if contended else None,
        hold_ns=_known_difference(later.hold_ns, earlier.hold_ns),
        wait_max_ns=_interval_maximum(later, earlier, buckets),
        wait_buckets=buckets,
    )
    return new if new.acquisitions or new.contended or new.interrupted else None


def _known_difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None else later - (earlier or 0)


def _bucket_differences(
    later: tuple[int, ...] | None, earlier: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    if later is None or earlier is None:
        return later
    new = tuple(after - before for after, before in zip(later, earlier, strict=True))
    return new if any(new) else None


def _interval_maximum(later: Row, earlier: Row, new_buckets: tuple[int, ...] | None) -> int:
    if later.contended == earlier.contended:
        return 0
    if later.wait_max_ns > earlier.wait_max_ns or new_buckets is None:
        return later.wait_max_ns
    highest = max(index for index, count in enumerate(new_buckets) if count)
    if highest == len(WAIT_BUCKET_BOUNDS_NS):
        return later.wait_max_ns
    return min(WAIT_BUCKET_BOUNDS_NS[highest], later.wait_max_ns)


def _shard_key(shard: Shard) -> Hashable:
    return (_file(shard.inode), shard.shard)


def _shard_difference(later: Shard, earlier: Shard | None) -> Shard | None:
    if earlier is None:
        return later
    new = replace(
        later,
        inserts=later.inserts - earlier.inserts,
        inserts_after=later.inserts_after - earlier.inserts_after,
        removes=later.removes - earlier.removes,
        contended=later.contended - earlier.contended,
        wait_ns=later.wait_ns - earlier.wait_ns,
    )
    return new if new.inserts or new.inserts_after or new.removes or new.contended else None


def _tree_key(changes: TreeOperations) -> Hashable:
    return (_file(changes.inode), changes.shard, changes.node)


def _tree_difference(
    later: TreeOperations, earlier: TreeOperations | None
) -> TreeOperations | None:
    if earlier is None:
        return later
    new = replace(
        later,
        inserts=later.inserts - earlier.inserts,
        inserts_after=later.inserts_after - earlier.inserts_after,
        removes=later.removes - earlier.removes,
    )
    return new if new.inserts or new.inserts_after or new.removes else None


def _sweep_key(sweep: Sweep) -> Hashable:
    return _file(sweep.inode)


def _sweep_difference(later: Sweep, earlier: Sweep | None) -> Sweep | None:
    if earlier is None:
        return later
    new = replace(later, count=later.count - earlier.count, wait_ns=later.wait_ns - earlier.wait_ns)
    return new if new.count else None


def _frames(stack: StackWeight) -> Hashable:
    return stack.frames


def _stack_difference(later: StackWeight, earlier: StackWeight | None) -> StackWeight | None:
    if earlier is None:
        return later
    new = replace(later, waits=later.waits - earlier.waits, wait_ns=later.wait_ns - earlier.wait_ns)
    return new if new.waits else None


def _count_of(loss: Loss | None) -> int:
    return loss.count if loss else 0


def _carried_over(entered: PerUnit, earlier: Snapshot) -> PerUnit:
    acquisitions = _known_difference(entered.acquisitions, earlier.entered.acquisitions)
    if acquisitions is not None:
        acquisitions += earlier.in_flight.acquisitions or 0
    return PerUnit(
        acquisitions=acquisitions,
        waits=entered.waits - earlier.entered.waits + earlier.in_flight.waits,
    )


def _totals_difference(later: Totals, earlier: Totals) -> Totals:
    return Totals(
        acquisitions=_known_difference(later.acquisitions, earlier.acquisitions),
        failed_trylocks=_known_difference(later.failed_trylocks, earlier.failed_trylocks),
        contended=later.contended - earlier.contended,
        interrupted=later.interrupted - earlier.interrupted,
        wait_ns=later.wait_ns - earlier.wait_ns,
        execs=later.execs - earlier.execs,
        forks=later.forks - earlier.forks,
    )
