# SPDX-License-Identifier: GPL-2.0-or-later
"""The shards of the files that were waited for most: what changed them, from where, at what cost.

`imbalance` is the most of one shard over the mean of all; `remote` the share of tree operations
whose CPU is not on the shard's home node, None where no shard has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from immapscope.grouping import FileIdentity, identity
from immapscope.snapshot import Inode, Shard, Snapshot, Sweep, TreeOperations

Part = TypeVar("Part", Shard, TreeOperations)

#: More files than this fill a screen of 12 shards each.
FILES: Final = 3


@dataclass(frozen=True, slots=True)
class ShardLine:
    """One shard of a file. `changes` and `remote` count tree operations."""

    shard: Shard
    changes: int
    remote: int | None


@dataclass(frozen=True, slots=True)
class FileShards:
    """A file's shards and what they come to; `forked` counts insertions by fork."""

    inode: Inode
    lines: tuple[ShardLine, ...]
    imbalance: float | None
    changes: int
    remote: int | None
    forked: int
    forked_remote: int | None
    sweep: Sweep | None

    @property
    def wait_ns(self) -> int:
        """Of all the file's locks."""
        return sum(line.shard.wait_ns for line in self.lines)


def files(snapshot: Snapshot) -> tuple[FileShards, ...]:
    """The files that have shards, most waiting first, then most changed."""
    shards = _by_file(snapshot.shards)
    operations = _by_file(snapshot.tree_operations)
    sweeps = {identity(sweep.inode): sweep for sweep in snapshot.sweeps if sweep.inode is not None}
    found = [
        _file(snapshot.kernel.shards, of_file, operations.get(key, []), sweeps.get(key))
        for key, of_file in shards.items()
    ]
    return tuple(sorted(found, key=lambda file: (file.wait_ns, file.changes), reverse=True))


def _by_file(
    parts: Iterable[Part],
) -> dict[FileIdentity, list[Part]]:
    found: dict[FileIdentity, list[Part]] = {}
    for part in parts:
        if part.inode is not None:
            found.setdefault(identity(part.inode), []).append(part)
    return found


def _file(
    count: int, shards: Sequence[Shard], operations: Sequence[TreeOperations], sweep: Sweep | None
) -> FileShards:
    homes = {shard.shard: shard.home_node for shard in shards if shard.home_node is not None}
    lines = tuple(
        _line(shard, [one for one in operations if one.shard == shard.shard])
        for shard in sorted(shards, key=lambda one: (one.shard is None, one.shard or 0))
    )
    away = [one for one in operations if one.shard in homes and homes[one.shard] != one.node]
    inode = shards[0].inode
    assert inode is not None
    return FileShards(
        inode,
        lines,
        _imbalance(lines, count),
        sum(line.changes for line in lines),
        sum(_changes(one) for one in away) if homes else None,
        sum(one.inserts_after for one in operations),
        sum(one.inserts_after for one in away) if homes else None,
        sweep,
    )


def _line(shard: Shard, operations: Sequence[TreeOperations]) -> ShardLine:
    remote = None
    if shard.home_node is not None:
        remote = sum(_changes(one) for one in operations if one.node != shard.home_node)
    return ShardLine(shard, sum(map(_changes, operations)), remote)


def _changes(operations: TreeOperations) -> int:
    return operations.inserts + operations.inserts_after + operations.removes


def _imbalance(lines: Sequence[ShardLine], count: int) -> float | None:
    """Of waiting where there was any, else of tree operations."""
    trees = [line for line in lines if line.shard.shard is not None]
    loads = [line.shard.wait_ns for line in trees]
    if not any(loads):
        loads = [line.changes for line in trees]
    return max(loads) * count / sum(loads) if any(loads) else None
