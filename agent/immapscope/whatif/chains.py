# SPDX-License-Identifier: GPL-2.0-or-later
"""From a recording to a `Trace`, in one pass over its rows in the order of time.

Memory is some 30 bytes an acquisition, time linear. Where CPUs were lacking a second pass turns
spans of time into work.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.errors import UsageError
from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.snapshot import Mode
from immapscope.whatif.changes import CHANGE, ENTRIES, OLD, ORPHANS, SPARE, VMAS, changes, with_room
from immapscope.whatif.join import (
    CHANGED,
    CONTENDED,
    EXITED,
    FORKED,
    NO_HOLD,
    SLEPT,
    SPINS,
    SPUN,
    Batch,
    Measured,
    join,
    measured,
    with_files,
)
from immapscope.whatif.lasting import lasting
from immapscope.whatif.lives import HEADS, SPAWNED, Lives, finish, lives
from immapscope.whatif.load import Load
from immapscope.whatif.rows import TURN, Ahead, Stream, acquisitions, named, tree_changes, turns
from immapscope.whatif.tables import grown, table
from immapscope.whatif.trace import EVENT, QUANTILES, Events, Gaps, Trace, block_length

#: What an event can number: each change may bring two VMAs, and those have 30 bits.
_MOST: Final = 1 << 29
#: 1 << MAX_NODES_SHIFT of x86-64.
_MOST_NODES: Final = 1 << 10
#: Room for changes whose acquisition is still to come, to begin with.
_LISTED: Final = 1 << 12


def trace_of(recording: Recording) -> Trace:
    """The chains of a recording. Raises UsageError for one that cannot be replayed."""
    _refuse(recording)
    # Known beforehand, since the replay's blocks of events are to be those of the recorded waits.
    count = named(recording)
    if not count:
        raise UsageError(f"{str(recording.path)!r} has no acquisition of a file that it names")
    load = Load(max(1, recording.header.duration_ns))
    trace = _pass(recording, count, load, np.zeros(0))
    clock = load.clock(len(recording.header.node_of_cpu))
    if clock is None:
        return trace
    del trace
    return _pass(recording, count, load, clock)


def _refuse(recording: Recording) -> None:
    header, path = recording.header, str(recording.path)
    kernel = header.kernel
    if header.mode is Mode.CONTENTION:
        raise UsageError(
            f"{path!r} was recorded in contention mode, which knows no holds: "
            "record with --mode full to ask what other designs would cost"
        )
    if kernel.layout != "single" or kernel.shards > 1:
        raise UsageError(
            f"{path!r} is of a kernel of layout {kernel.layout} with {kernel.shards} trees a file: "
            "record on a kernel with one tree and one rwsem a file, whatif splits them"
        )
    count = recording.count(Kind.ACQUISITION)
    if not count:
        raise UsageError(f"{path!r} has no acquisitions: record while something maps files")
    if max(count, recording.count(Kind.TREE)) >= _MOST:
        raise UsageError(f"{path!r} has more than {_MOST:,} acquisitions: record a shorter span")
    if not header.node_of_cpu or not all(map(_is_node, header.node_of_cpu)):
        raise UsageError(f"{path!r} is damaged: it does not say which node each CPU is on")
    if not isinstance(header.duration_ns, int):
        raise UsageError(f"{path!r} is damaged: it does not say how long it is")


def _is_node(node: object) -> bool:
    return isinstance(node, int) and 0 <= node < _MOST_NODES


def _pass(recording: Recording, count: int, load: Load, clock: NDArray[np.float64]) -> Trace:
    with ThreadPoolExecutor(1) as pool:
        return _joined(recording, count, load, clock, pool)


def _joined(
    recording: Recording, count: int, load: Load, clock: NDArray[np.float64], pool: Executor
) -> Trace:
    header = recording.header
    node_of_cpu = np.array(header.node_of_cpu, np.int32)
    events = np.empty(count, EVENT)
    found = changes(recording.count(Kind.TREE), _LISTED)
    tasks = lives(count, recording.count(Kind.FORK))
    vmas = table(_LISTED)
    result = measured(load, clock, node_of_cpu)
    streams = (
        Stream(Ahead(tree_changes(recording), pool), CHANGE),
        Stream(Ahead(turns(recording, Kind.FORK), pool), TURN),
        Stream(Ahead(turns(recording, Kind.EXIT), pool), TURN),
    )
    for rows in Ahead(acquisitions(recording, len(node_of_cpu)), pool):
        last = int((rows["time"] + np.maximum(rows["wait"], 0) + np.maximum(rows["hold"], 0)).max())
        changed, forks, exits = (stream.until(last) for stream in streams)
        # Each change may bring a VMA and its parent.
        found, vmas = with_room(found, len(changed)), grown(vmas, 2 * len(changed))
        result = with_files(result, int(rows["slot"].max()) + 1)
        result.counts[[CHANGED, FORKED, EXITED]] = 0
        batch = Batch(rows, changed, forks, exits)
        join(batch, tasks, found, vmas, events, result, load.step, block_length(count))
        for stream, used in zip(streams, (CHANGED, FORKED, EXITED), strict=True):
            stream.used(int(result.counts[used]))
    finish(tasks, events)
    return Trace(
        events=_linked(events, found.vmas, found.address, tasks, found.counts),
        node_of_cpu=node_of_cpu,
        files=len(result.last),
        gaps=_gaps(result, SLEPT),
        spin_gaps=_gaps(result, SPUN),
        spins=_spins(result.spins[: result.counts[SPINS]]),
        waits=result.waits,
        contended=int(result.counts[CONTENDED]),
        execs=recording.count(Kind.EXEC),
        duration_ns=header.duration_ns,
        vmas=int(found.counts[VMAS]),
        drawn=int(found.counts[OLD]),
        # What is listed still waits for an acquisition that is not there.
        orphans=int(found.counts[ORPHANS]) + len(found.listed) - int(found.counts[SPARE]),
        unknown_holds=int(result.counts[NO_HOLD]),
        nameless=recording.count(Kind.ACQUISITION) - count,
        load=load.excess(len(node_of_cpu)) if len(clock) else None,
        work_ns=float(result.work[0]),
        walks_ns=float(result.work[1]),
    )


def _linked(
    events: NDArray[np.void],
    vmas: NDArray[np.uint32],
    address: NDArray[np.uint32],
    tasks: Lives,
    counts: NDArray[np.int64],
) -> Events:
    heads, spawned = int(tasks.counts[HEADS]), int(tasks.counts[SPAWNED])
    first = np.argsort(tasks.start[:heads], kind="stable")
    after = np.argsort(tasks.origin[:spawned], kind="stable")
    return Events(
        events,
        vmas[: counts[ENTRIES]],
        tasks.head[:heads][first],
        tasks.start[:heads][first],
        tasks.origin[:spawned][after],
        tasks.spawned[:spawned][after],
        address[: counts[VMAS]],
    )


def _gaps(result: Measured, first: int) -> Gaps:
    return Gaps(
        *(lasting(result.gaps[at - SLEPT, : result.counts[at]]) for at in (first, first + 1))
    )


def _spins(spins: NDArray[np.float64]) -> NDArray[np.float64] | None:
    if not len(spins):
        return None
    found = lasting(spins)
    # Where all had the lock before they tired it is not known that they ever would have.
    return np.full(QUANTILES, np.inf) if found is None else found
