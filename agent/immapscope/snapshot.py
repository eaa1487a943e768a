# SPDX-License-Identifier: GPL-2.0-or-later
"""The waist of the hourglass: what one session saw, immutable, independent of any kernel.

Everything that prints, exports or compares works from a `Snapshot` alone. All times are integer
nanoseconds, all counts integers; `None` means unknown or not measured and is never replaced by 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from immapscope.kernel.words import Cause, Operation

#: Upper bounds in ns of the wait histogram: powers of two, the last bucket is unbounded.
WAIT_BUCKET_BOUNDS_NS: tuple[int, ...] = tuple(1 << exponent for exponent in range(8, 39))


class Mode(StrEnum):
    """What a session measures; see docs/architecture.md."""

    CONTENTION = "contention"
    FULL = "full"


class HolderKind(StrEnum):
    """Who had the lock when a wait began, as far as the rwsem's owner word tells."""

    WRITER = "writer"
    READER = "reader"
    UNKNOWN = "unknown"


class LossUnit(StrEnum):
    """What a loss reason counts."""

    ACQUISITIONS = "acquisitions"
    WAITS = "waits"
    TREE_OPERATIONS = "tree_operations"
    STACKS = "stacks"


@dataclass(frozen=True, slots=True)
class Inode:
    """The file whose address_space the lock belongs to.

    `device` is the kernel's MAJOR:MINOR (decimal) of the superblock; `name` the base name of a
    dentry, bytes outside UTF-8 kept as surrogate escapes, None where no dentry was seen; `deleted`
    is true when the last event seen found no link left.
    """

    device: str
    number: int
    generation: int
    name: str | None = None
    path: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the answer: a key (file ... cause) and what was measured under it.

    `inode` None: the files beyond the slots, or the rest behind `--top`. `acquisitions`, `hold_ns`
    are None in contention mode; `spin_ns` None where no wait of the row could tell (readers);
    `wait_buckets` has len(WAIT_BUCKET_BOUNDS_NS) + 1 counts, None where nothing was contended.
    Uncontended acquisitions stand in rows without holder and cause.
    """

    inode: Inode | None
    shard: int | None
    node: int | None
    holder_kind: HolderKind | None
    holder_node: int | None
    operation: Operation | None
    cause: Cause | None
    acquisitions: int | None
    contended: int
    interrupted: int
    wait_ns: int
    spin_ns: int | None
    wait_max_ns: int
    hold_ns: int | None
    wait_buckets: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Shard:
    """One tree of one file: what changed it and what its lock cost."""

    inode: Inode | None
    shard: int | None
    home_node: int | None
    vmas: int | None
    inserts: int
    inserts_after: int
    removes: int
    contended: int
    wait_ns: int


@dataclass(frozen=True, slots=True)
class TreeOperations:
    """Changes of one file's tree made by CPUs of one node."""

    inode: Inode | None
    shard: int | None
    node: int
    inserts: int
    inserts_after: int
    removes: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Paths that took every shard's lock of one file in turn, each counted once."""

    inode: Inode | None
    count: int
    wait_ns: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Seen but not attributed: `count` of `unit`; `upper_bound` where fewer may have been ours."""

    unit: LossUnit
    count: int
    upper_bound: bool = False


@dataclass(frozen=True, slots=True)
class StackWeight:
    """One kernel stack of contended waits: frames outermost first, waits and their ns."""

    frames: tuple[str, ...]
    waits: int
    wait_ns: int


@dataclass(frozen=True, slots=True)
class PerUnit:
    """A count for each unit of the conservation law; acquisitions None in contention mode."""

    acquisitions: int | None
    waits: int


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What was traced and how: the part of the kernel model that a reader of numbers needs.

    `learnt_from`: the tree operations that an unknown layout was learnt from, None where it was
    known.
    """

    release: str
    layout: str
    shards: int
    shard_policy: str | None
    attach: str
    nodes: int
    cpus: int
    learnt_from: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the rows, and what the whole machine did meanwhile."""

    acquisitions: int | None
    failed_trylocks: int | None
    contended: int
    interrupted: int
    wait_ns: int
    execs: int
    forks: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a session (or one interval of it) saw. Rows are disjoint and sum to `totals`.

    `command`: what was run meanwhile, bytes outside UTF-8 kept as surrogate escapes, None where
    nothing was.
    """

    kernel: KernelFacts
    mode: Mode
    started: datetime
    duration_ns: int
    rows: tuple[Row, ...]
    shards: tuple[Shard, ...]
    tree_operations: tuple[TreeOperations, ...]
    sweeps: tuple[Sweep, ...]
    loss: Mapping[str, Loss]
    entered: PerUnit
    in_flight: PerUnit
    boundary: int
    totals: Totals
    stacks: tuple[StackWeight, ...] = ()
    notes: tuple[str, ...] = field(default=())
    command: tuple[str, ...] | None = None
