# SPDX-License-Identifier: GPL-2.0-or-later
"""What an interval added to the series of each file."""

from __future__ import annotations

from dataclasses import dataclass, field

from immapscope.exporter.families import EXPOSED_BUCKET, Family
from immapscope.exporter.keys import Key, Keys
from immapscope.exporter.labels import number_label
from immapscope.grouping import FileIdentity, identity
from immapscope.snapshot import Inode, Row, Snapshot

UNKNOWN_CAUSE = "unknown"


@dataclass(slots=True)
class Increment:
    """`counts` by number of key: what was added, never 0 but for a histogram's sum.

    `vmas` by shard is what there is now, None where that is not known. `wait_ns` and `events`
    (acquisitions, waits, tree operations) rank files.
    """

    inode: Inode | None
    counts: dict[int, int] = field(default_factory=dict)
    vmas: dict[str, int | None] = field(default_factory=dict)
    wait_ns: int = 0
    events: int = 0

    def include(self, other: Increment) -> None:
        """Adds what another file of the same labels had."""
        for number, count in other.counts.items():
            self.counts[number] = self.counts.get(number, 0) + count
        self.vmas.update(other.vmas)
        self.wait_ns += other.wait_ns
        self.events += other.events


def increments_of(interval: Snapshot, keys: Keys) -> dict[FileIdentity | None, Increment]:
    """By file; None has what belongs to no known one."""
    reading = _Reading(keys)
    for row in interval.rows:
        reading.add_row(row)
    for tree in interval.tree_operations:
        increment = reading.of(tree.inode)
        shard = number_label(tree.shard)
        changes = (("insert", tree.inserts), ("insert_after", tree.inserts_after))
        for operation, count in (*changes, ("remove", tree.removes)):
            reading.add(increment, Family.TREE_OPERATIONS, (shard, operation), count)
            increment.events += count
    for sweep in interval.sweeps:
        increment = reading.of(sweep.inode)
        reading.add(increment, Family.SWEEPS, (), sweep.count)
        reading.add(increment, Family.SWEEP_WAIT, (), sweep.wait_ns)
    for one in interval.shards:
        reading.of(one.inode).vmas[number_label(one.shard)] = one.vmas
    return reading.files


class _Reading:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.files: dict[FileIdentity | None, Increment] = {}

    def of(self, inode: Inode | None) -> Increment:
        """A file may be named in one row and not yet in another."""
        who = None if inode is None else identity(inode)
        found = self.files.get(who)
        if found is None:
            found = self.files[who] = Increment(inode)
        elif inode is not None and inode.name and found.inode and found.inode.name is None:
            found.inode = inode
        return found

    def add(
        self, to: Increment, family: Family, labels: tuple[str, ...], count: int | None
    ) -> None:
        """Nothing for 0, since a series appears when it is first non-zero, and for None."""
        if count:
            number = self._keys.number(Key(family, labels))
            to.counts[number] = to.counts.get(number, 0) + count

    def add_row(self, row: Row) -> None:
        to = self.of(row.inode)
        shard, node = number_label(row.shard), number_label(row.node)
        operation = "" if row.operation is None else row.operation.label
        self.add(to, Family.ACQUISITIONS, (shard, operation), row.acquisitions)
        self.add(to, Family.HOLD, (shard, operation), row.hold_ns)
        to.events += row.acquisitions or 0
        if not (row.contended or row.wait_ns):
            return
        place = (shard, node, operation)
        cause = UNKNOWN_CAUSE if row.cause is None else row.cause.label
        self.add(to, Family.WAIT, place, row.wait_ns)
        self.add(to, Family.SPIN, place, row.spin_ns)
        self.add(to, Family.CONTENDED, place, row.contended)
        self.add(to, Family.CAUSE, (cause, operation), row.wait_ns)
        self.add(to, Family.HOLDERS, (node, number_label(row.holder_node)), row.contended)
        to.wait_ns += row.wait_ns
        to.events += row.contended
        if row.contended and row.wait_buckets is not None:
            self._add_durations(to, node, row.wait_ns, row.wait_buckets)

    def _add_durations(
        self, to: Increment, node: str, wait_ns: int, buckets: tuple[int, ...]
    ) -> None:
        total = self._keys.number(Key(Family.DURATION, (node,)))
        to.counts[total] = to.counts.get(total, 0) + wait_ns
        for index, count in zip(EXPOSED_BUCKET, buckets, strict=True):
            if count:
                number = self._keys.number(Key(Family.BUCKET, (node,), index))
                to.counts[number] = to.counts.get(number, 0) + count
