# SPDX-License-Identifier: GPL-2.0-or-later
"""Half an hour of three hosts: synthetic snapshots through the real exporter, as samples.

db1: one tree a file, 4 nodes; it reboots into a second kernel release, whose libc.so.6 waits four
times as long at equal load. db2: 12 nodes and as many shards; more load and longer waits of
libc.so.6 at the end, a hot shard, sweeps, losses. db3: an agent that has gone blind, and had room
for few series.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dashboards import names
from immapscope.exporter import Exporter, Limits, Status
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import (
    Inode,
    KernelFacts,
    Loss,
    LossUnit,
    Mode,
    Row,
    Shard,
    Snapshot,
    Sweep,
    TreeOperations,
)
from tests.synthetic import KERNEL, contended_row, snapshot_of

JOB: Final = "immapscope"
STEP: Final = 60
STEPS: Final = 30
#: When db1 is down for the reboot: longer than Prometheus looks back. From when db2 is worse.
REBOOT: Final = range(10, 17)
WORSE: Final = 22

FIRST: Final = replace(KERNEL, release="6.12.1-first")
SECOND: Final = replace(KERNEL, release="6.12.2-second")
SPLIT: Final = replace(
    KERNEL,
    release="7.3.4-split",
    layout="split",
    shards=12,
    shard_policy="node",
    nodes=12,
    cpus=384,
)

LIBC: Final = Inode("254:0", 1234, 7, "libc.so.6")
LOADER: Final = Inode("254:0", 1301, 7, "ld-linux-x86-64.so.2")
HOT: Final = Inode("254:0", 1400, 7, "libhot.so")
SWEPT: Final = Inode("254:0", 1500, 7, "libswept.so")
#: What a label must not be broken by.
HOSTILE: Final = Inode("254:0", 1600, 7, 'a"b\\c\n{é}\udcff')

#: A host's load goes up and down; in twentieths, so that counts and waits stay in proportion.
_LOAD: Final = [round(20 + 8 * math.sin(step / 4)) / 20 for step in range(STEPS)]
_MS: Final = 1_000_000
_SAMPLE: Final = re.compile(r"([a-z_:]+)(?:\{(.*)\})? (\S+)$")


@dataclass(frozen=True, slots=True)
class Host:
    """A host and what an interval of it holds, by step; it starts anew with another kernel."""

    instance: str
    interval: Callable[[int], Snapshot]
    max_series: int = 10_000
    probes: int = 20
    down: range = range(0)
    stale: bool = False


def samples(end: float) -> Iterator[str]:
    """Everything as lines of `tests.lab_host.programs.backfill`, the last step at `end`."""
    start = end - STEP * (STEPS - 1)
    for host in HOSTS:
        yield from _scrapes(host, start)
    yield from _past(end)


def _scrapes(host: Host, start: float) -> Iterator[str]:
    exporter: Exporter | None = None
    kernel: KernelFacts | None = None
    for step in (one for one in range(STEPS) if one not in host.down):
        at = start + step * STEP
        interval = host.interval(step)
        if exporter is None or kernel != interval.kernel:
            kernel = interval.kernel
            exporter = Exporter(Limits(max_series=host.max_series), clock=lambda: start)
        seen = start if host.stale else at
        exporter.observe(interval, Status(12, host.probes, seen, True))
        yield f'up{{job="{JOB}",instance="{host.instance}"}} {0 if host.stale else 1} {at}'
        for line in exporter.pages.text.decode().splitlines():
            if not line.startswith("#"):
                yield _labelled(line, host.instance, at)


def _labelled(line: str, instance: str, at: float) -> str:
    parts = _SAMPLE.match(line)
    assert parts is not None, line
    name, labels, value = parts.groups()
    more = f",{labels}" if labels else ""
    return f'{name}{{job="{JOB}",instance="{instance}"{more}}} {value} {at}'


def _past(end: float) -> Iterator[str]:
    """What the rules would have recorded in the days before."""
    for step in range(STEPS):
        at = end - STEP * (STEPS - step)
        for instance, release in (("db1", FIRST.release), ("db2", SPLIT.release)):
            file = f'job="{JOB}",instance="{instance}",file="libc.so.6"'
            for past, value in ((names.COST, 0.001), (names.OPERATIONS, 100)):
                yield f"{past.calm}{{{file}}} {value} {at}"
                yield f'{past.release_calm}{{{file},release="{release}"}} {value} {at}'
                yield f'{past.release_median}{{{file},release="{release}"}} {value} {at}'
            host = f'job="{JOB}",instance="{instance}",release="{release}"'
            yield f"{names.RELEASE_SEEN}{{{host}}} {at} {at}"


def _waits(
    inode: Inode, node: int, operation: Operation, cause: Cause, each_ns: int, count: int = 60
) -> Row:
    waits = [each_ns] * count
    row = contended_row(inode, node, operation, cause, waits, spin_ns=each_ns * count // 2)
    return replace(row, holder_node=node ^ 1)


def _interval(
    kernel: KernelFacts,
    rows: list[Row],
    trees: list[TreeOperations],
    sweeps: tuple[Sweep, ...] = (),
    lost: int = 0,
) -> Snapshot:
    loss = {
        "wait_state_full": Loss(LossUnit.WAITS, lost),
        "exit_missed": Loss(LossUnit.WAITS, 0),
    }
    lawful = snapshot_of(rows, kernel=kernel, mode=Mode.CONTENTION, execs=600, forks=660, loss=loss)
    return replace(
        lawful,
        duration_ns=STEP * 1_000_000_000,
        tree_operations=tuple(trees),
        sweeps=sweeps,
        shards=tuple(
            Shard(tree.inode, tree.shard, tree.node, 800, 1, 0, 1, 0, 0) for tree in trees
        ),
    )


def _db1(step: int) -> Snapshot:
    second = step >= REBOOT.stop
    slower = 4 if second else 1
    load = _LOAD[step]
    waits = round(60 * load)
    rows = [
        _waits(LIBC, 0, Operation.INSERT, Cause.MMAP, 40 * _MS * slower, waits),
        _waits(LIBC, 2, Operation.REMOVE, Cause.EXIT, 60 * _MS * slower, waits),
        _waits(LOADER, 1, Operation.ADJUST, Cause.MPROTECT, 20 * _MS),
        _waits(HOSTILE, 3, Operation.WALK, Cause.RECLAIM, 10 * _MS),
    ]
    trees = [
        TreeOperations(LIBC, 0, 0, round(4000 * load), 0, round(2000 * load)),
        TreeOperations(LOADER, 0, 1, 900, 0, 900),
        TreeOperations(HOSTILE, 0, 1, 600, 0, 600),
    ]
    return _interval(SECOND if second else FIRST, rows, trees)


def _db2(step: int) -> Snapshot:
    more, slower = (3, 4) if step >= WORSE else (1, 1)
    load = _LOAD[step]
    rows: list[Row] = []
    trees: list[TreeOperations] = []
    for node in range(SPLIT.nodes):
        each = 8 * _MS * more * slower
        row = _waits(LIBC, node, Operation.INSERT, Cause.EXEC, each, round(60 * load))
        rows.append(replace(row, shard=node))
        changes = round(240 * more * load)
        trees.append(TreeOperations(LIBC, node, node, changes, 10, changes))
        hot = 80 * _MS if node == 7 else _MS // 10
        rows.append(replace(_waits(HOT, node, Operation.INSERT, Cause.MMAP, hot), shard=node))
        trees.append(TreeOperations(HOT, node, node, 100, 0, 100))
    walk = _waits(SWEPT, 5, Operation.WALK, Cause.TRUNCATE, 100 * _MS)
    rows += [replace(walk, shard=shard) for shard in range(SPLIT.shards)]
    rows.append(replace(walk, shard=None, wait_ns=_MS))
    sweep = Sweep(SWEPT, 60, 60 * 12 * 90 * _MS)
    return _interval(SPLIT, rows, trees, (sweep,), lost=300)


def _db3(step: int) -> Snapshot:
    files = [Inode("254:0", number, 7, f"lib{number}.so") for number in range(20)]
    rows = [_waits(file, 0, Operation.INSERT, Cause.MMAP, 1_000) for file in files]
    return _interval(KERNEL, rows, [TreeOperations(file, 0, 0, 1, 0, 1) for file in files])


HOSTS: Final = (
    Host("db1", _db1, down=REBOOT),
    Host("db2", _db2),
    Host("db3", _db3, max_series=200, probes=0, stale=True),
)
