# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots that no kernel made: a small one told by hand, and whole machines grown from a seed.

All of them keep the conservation law, so that a test can break exactly one thing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Final

from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import (
    WAIT_BUCKET_BOUNDS_NS,
    HolderKind,
    Inode,
    KernelFacts,
    Loss,
    LossUnit,
    Mode,
    PerUnit,
    Row,
    Shard,
    Snapshot,
    StackWeight,
    Totals,
    TreeOperations,
)

STARTED: Final = datetime(2026, 6, 11, 12, 30, 15, 250_000, tzinfo=UTC)

KERNEL: Final = KernelFacts(
    release="6.12.90+deb13-cloud-amd64",
    layout="single",
    shards=1,
    shard_policy=None,
    attach="mixed",
    nodes=4,
    cpus=8,
)

LIBC: Final = Inode("254:0", 1234, 7, "libc.so.6")
LOADER: Final = Inode("254:0", 1301, 7, "ld-linux-x86-64.so.2")

_LIBRARIES: Final = (
    "libc.so.6",
    "ld-linux-x86-64.so.2",
    "libselinux.so.1",
    "libpcre2-8.so.0.14.0",
    "libstdc++.so.6.0.33",
    "libcrypto.so.3",
    "bash",
    "libtinfo.so.6.5",
    "execl",
    "locale-archive",
)

_CAUSES: Final[Mapping[Operation, tuple[Cause, ...]]] = {
    Operation.INSERT: (Cause.EXEC, Cause.MMAP),
    Operation.INSERT_AFTER: (Cause.FORK,),
    Operation.REMOVE: (Cause.MMAP, Cause.EXIT, Cause.MUNMAP),
    Operation.ADJUST: (Cause.MPROTECT, Cause.MMAP),
    Operation.WALK: (Cause.RECLAIM, Cause.TRUNCATE),
}


def buckets_of(waits_ns: Iterable[int]) -> tuple[int, ...]:
    """The histogram of these waits."""
    counts = [0] * (len(WAIT_BUCKET_BOUNDS_NS) + 1)
    for wait in waits_ns:
        counts[_bucket_of(wait)] += 1
    return tuple(counts)


def free_row(
    inode: Inode | None, node: int, operation: Operation, acquisitions: int, hold_ns: int
) -> Row:
    """Acquisitions that nobody had to wait for."""
    return Row(
        inode=inode,
        shard=0,
        node=node,
        holder_kind=None,
        holder_node=None,
        operation=operation,
        cause=None,
        acquisitions=acquisitions,
        contended=0,
        interrupted=0,
        wait_ns=0,
        spin_ns=None,
        wait_max_ns=0,
        hold_ns=hold_ns,
        wait_buckets=None,
    )


def contended_row(
    inode: Inode | None,
    node: int,
    operation: Operation,
    cause: Cause | None,
    waits_ns: Sequence[int],
    *,
    holder_node: int | None = 0,
    spin_ns: int | None = None,
    hold_ns: int = 0,
) -> Row:
    """Acquisitions of which each waited as long as `waits_ns` says, behind a writer."""
    return Row(
        inode=inode,
        shard=0,
        node=node,
        holder_kind=HolderKind.UNKNOWN if holder_node is None else HolderKind.WRITER,
        holder_node=holder_node,
        operation=operation,
        cause=cause,
        acquisitions=len(waits_ns),
        contended=len(waits_ns),
        interrupted=0,
        wait_ns=sum(waits_ns),
        spin_ns=spin_ns,
        wait_max_ns=max(waits_ns, default=0),
        hold_ns=hold_ns,
        wait_buckets=buckets_of(waits_ns),
    )


def snapshot_of(
    rows: Iterable[Row],
    *,
    kernel: KernelFacts = KERNEL,
    mode: Mode = Mode.FULL,
    execs: int = 0,
    forks: int = 0,
    failed_trylocks: int = 0,
    in_flight: int = 0,
    loss: Mapping[str, Loss] | None = None,
) -> Snapshot:
    """A session of ten seconds with these rows, whose sums and law hold.

    `in_flight` of each unit; a loss that is no upper bound is entered and has no row.
    """
    kept = tuple(rows if mode is Mode.FULL else map(_without_holds, rows))
    lost = loss or {}
    acquisitions = sum(row.acquisitions or 0 for row in kept)
    contended = sum(row.contended for row in kept)
    interrupted = sum(row.interrupted for row in kept)
    full = mode is Mode.FULL
    entered_acquisitions = (
        acquisitions + failed_trylocks + in_flight + _exactly_lost(lost, LossUnit.ACQUISITIONS)
    )
    return Snapshot(
        kernel=kernel,
        mode=mode,
        started=STARTED,
        duration_ns=10_000_000_000,
        rows=kept,
        shards=(),
        tree_operations=(),
        sweeps=(),
        loss=lost,
        entered=PerUnit(
            acquisitions=entered_acquisitions if full else None,
            waits=contended + interrupted + in_flight + _exactly_lost(lost, LossUnit.WAITS),
        ),
        in_flight=PerUnit(acquisitions=in_flight if full else None, waits=in_flight),
        boundary=0,
        totals=Totals(
            acquisitions=acquisitions if full else None,
            failed_trylocks=failed_trylocks if full else None,
            contended=contended,
            interrupted=interrupted,
            wait_ns=sum(row.wait_ns for row in kept),
            execs=execs,
            forks=forks,
        ),
    )


def exec_storm() -> Snapshot:
    """Small, told by hand: two files, two nodes, every kind of section filled."""
    waits = [90_000, 1_200_000, 40_000, 333]
    rows = [
        contended_row(
            LIBC, 2, Operation.INSERT, Cause.MMAP, waits, holder_node=1, spin_ns=1_180_333
        ),
        contended_row(LIBC, 0, Operation.REMOVE, Cause.EXIT, [70_000, 80_000], spin_ns=150_000),
        contended_row(LOADER, 0, Operation.ADJUST, Cause.MPROTECT, [64_000], spin_ns=64_000),
        contended_row(LIBC, 0, Operation.WALK, Cause.RECLAIM, [5_500_000], holder_node=None),
        free_row(LIBC, 0, Operation.INSERT, 12_345, 9_876_000),
        free_row(LOADER, 0, Operation.INSERT_AFTER, 1_001, 700_700),
        free_row(None, 3, Operation.REMOVE, 17, 17_000),
    ]
    storm = snapshot_of(
        rows,
        execs=1_234,
        forks=1_300,
        failed_trylocks=2,
        in_flight=1,
        loss={
            "exit_missed": Loss(LossUnit.WAITS, 3),
            "state_full": Loss(LossUnit.ACQUISITIONS, 0),
            "recursion": Loss(LossUnit.WAITS, 0, upper_bound=True),
        },
    )
    return replace(
        storm,
        boundary=4,
        shards=(Shard(LIBC, 0, None, 812, 12_349, 0, 2, 7, 6_980_333),),
        tree_operations=(
            TreeOperations(LIBC, 0, 0, 12_345, 0, 2),
            TreeOperations(LIBC, 0, 2, 4, 0, 0),
        ),
        stacks=(
            StackWeight(("entry_SYSCALL_64", "do_syscall_64", "vm_mmap_pgoff"), 4, 1_330_333),
            StackWeight(("entry_SYSCALL_64", "do_exit", "exit_mmap"), 2, 150_000),
            StackWeight(("kthread", "kswapd", "__rmap_walk_file"), 1, 5_500_000),
        ),
        notes=("--inode /gone: nothing has matched yet",),
    )


def machine(
    *,
    nodes: int = 12,
    cpus: int = 384,
    files: int = 200,
    mode: Mode = Mode.FULL,
    seed: int = 42,
) -> Snapshot:
    """A machine in an exec storm: few files with most of the waiting, every node, every cause."""
    random = Random(seed)
    inodes = [_file(number) for number in range(files)]
    rows = [
        row
        for rank, inode in enumerate(inodes)
        for node in range(nodes)
        for operation in _CAUSES
        for row in _storm_rows(random, inode, rank, node, nodes, operation)
    ]
    kernel = replace(KERNEL, nodes=nodes, cpus=cpus)
    execs = sum(row.contended for row in rows) // 20
    return snapshot_of(
        rows, kernel=kernel, mode=mode, execs=execs, forks=execs + 17, in_flight=cpus
    )


def _file(rank: int) -> Inode:
    name = _LIBRARIES[rank] if rank < len(_LIBRARIES) else f"lib{rank}.so.{rank % 7}"
    return Inode("259:2", 1_000_000 + 37 * rank, 1 + rank % 5, name)


def _storm_rows(
    random: Random, inode: Inode, rank: int, node: int, nodes: int, operation: Operation
) -> Iterator[Row]:
    busy = 200_000 / (1 + rank) ** 1.3
    taken = 1 + int(busy * random.uniform(0.5, 2))
    yield free_row(inode, node, operation, taken, taken * random.randrange(400, 2_500))
    holders = random.sample(range(nodes), min(nodes, 4 if rank < 20 else 1))
    for cause in _CAUSES[operation]:
        for holder in holders:
            waits = int(busy * random.uniform(0, 0.2))
            if waits:
                yield _many_waits(random, inode, node, operation, cause, holder, waits)


def _many_waits(
    random: Random,
    inode: Inode,
    node: int,
    operation: Operation,
    cause: Cause,
    holder_node: int,
    waits: int,
) -> Row:
    """One long wait, all others equal: sums and histogram agree without a list of waits."""
    usual = int(random.lognormvariate(9, 1)) + 100
    longest = usual * random.randrange(2, 200)
    counts = [0] * (len(WAIT_BUCKET_BOUNDS_NS) + 1)
    counts[_bucket_of(usual)] += waits - 1
    counts[_bucket_of(longest)] += 1
    wait_ns = (waits - 1) * usual + longest
    one = contended_row(inode, node, operation, cause, [longest], holder_node=holder_node)
    return replace(
        one,
        acquisitions=waits,
        contended=waits,
        wait_ns=wait_ns,
        spin_ns=None if operation is Operation.WALK else int(wait_ns * random.uniform(0.7, 1)),
        hold_ns=waits * random.randrange(400, 2_500),
        wait_buckets=tuple(counts),
    )


def _bucket_of(wait_ns: int) -> int:
    return bisect_left(WAIT_BUCKET_BOUNDS_NS, wait_ns)


def _without_holds(row: Row) -> Row:
    return replace(row, acquisitions=None, hold_ns=None)


def _exactly_lost(loss: Mapping[str, Loss], unit: LossUnit) -> int:
    return sum(one.count for one in loss.values() if one.unit is unit and not one.upper_bound)
