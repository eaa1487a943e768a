# SPDX-License-Identifier: GPL-2.0-or-later
"""The pass over a recording's rows: each acquisition becomes an event of a chain."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.changes import (
    ADJUST,
    ENTRIES,
    INSERT,
    INSERT_AFTER,
    REMOVE,
    Changes,
    of_acquisition,
    remember,
)
from immapscope.whatif.compiled import Record, Records, compiled, inlined, signed
from immapscope.whatif.lives import Lives, exited, forked, linked
from immapscope.whatif.load import Load, cover, work_at
from immapscope.whatif.trace import BLOCKS, NOTHING, ONE_BY_ONE, SLEEP, SWEEP, WRITE

#: A think that lasts longer counts as sleep, which takes no CPU.
SLEEP_NS: Final = 100_000_000
#: An event's `count` goes so far; the kernel's batches have 8.
_MOST_VMAS: Final = 255
#: So many gaps of either kind are kept, the newest.
_GAPS: Final = 1 << 16

#: So many holders of a file are looked back through: who was overtaken more often tells nothing.
_HOLDERS: Final = 16
#: Of each: when it asked, when its hold began and ended, in ns, and its node.
_ASKED, _BEGAN, _RELEASED, _NODE = range(4)


class Measured(NamedTuple):
    """What is measured on the way.

    `files`: each one's last holders, `held`: how many there ever were; `gaps`: ns from the release
    that woke a waiter to its hold, on the same node and on another, or if it was overtaken to the
    other's hold, which then is `late`: it was not yet there; `waits`: ns by block;
    `whole`, `part`, `clock`: of a `Load`, `clock` empty in a first pass; `work`: ns in all, and of
    it holds of walks. `counts`: see below.
    """

    files: NDArray[np.int64]
    held: NDArray[np.int64]
    gaps: NDArray[np.float64]
    late: NDArray[np.bool_]
    waits: NDArray[np.float64]
    whole: NDArray[np.float64]
    part: NDArray[np.float64]
    clock: NDArray[np.float64]
    work: NDArray[np.float64]
    node_of_cpu: NDArray[np.int32]
    counts: NDArray[np.int64]


#: Of `counts`: events; gaps on the same node, on another; who waited; holds that are not known,
#: ns of those that are, how many; rows used of changes, forks, exits.
EVENTS, SAME, REMOTE, CONTENDED, NO_HOLD, HOLD_NS, HOLDS, CHANGED, FORKED, EXITED = range(10)


def measured(load_: Load, clock: NDArray[np.float64], node_of_cpu: NDArray[np.int32]) -> Measured:
    """Nothing yet."""
    return Measured(
        np.zeros((0, _HOLDERS, 4), np.int64), np.zeros(0, np.int64),
        np.empty((2, _GAPS)), np.empty((2, _GAPS), np.bool_), np.zeros(BLOCKS),
        load_.whole, load_.part, clock,
        np.zeros(2), node_of_cpu, np.zeros(10, np.int64),
    )  # fmt: skip


def with_files(old: Measured, files: int) -> Measured:
    """With room for so many."""
    if files <= len(old.files):
        return old
    count = max(files, 2 * len(old.files))
    more, held = np.zeros((count, _HOLDERS, 4), np.int64), np.zeros(count, np.int64)
    more[: len(old.files)], held[: len(old.files)] = old.files, old.held
    return old._replace(files=more, held=held)


class Batch(NamedTuple):
    """Rows at hand: acquisitions, and of the others those up to the last one's release."""

    acquisitions: Records
    changes: Records
    forks: Records
    exits: Records


@inlined
def _turns(
    batch: Batch, lives: Lives, events: Records, counts: NDArray[np.int64], now: int
) -> None:
    """Forks and exits until then, in the order of time."""
    while True:
        fork = counts[FORKED]
        exit_ = counts[EXITED]
        forks = fork < len(batch.forks) and batch.forks[fork].time <= now
        exits = exit_ < len(batch.exits) and batch.exits[exit_].time <= now
        if forks and (not exits or batch.forks[fork].time <= batch.exits[exit_].time):
            row = batch.forks[fork]
            forked(lives, events, signed(row.task), signed(row.child), row.time)
            counts[FORKED] += 1
        elif exits:
            exited(lives, events, signed(batch.exits[exit_].task), batch.exits[exit_].time)
            counts[EXITED] += 1
        else:
            return


@inlined
def _woken(measured: Measured, row: Record, begins: int) -> None:
    """Keeps how long a waiter took to wake, from the last release of one who asked before it.

    Who asked later and had the lock before it was there while it was still waking.
    """
    counts = measured.counts
    holders = measured.files[row.slot]
    until = begins
    number = signed(measured.held[row.slot]) - 1
    oldest = max(0, number + 1 - _HOLDERS)
    while number >= oldest:
        at = number % _HOLDERS
        if holders[at, _ASKED] <= row.time:
            break
        # A reader that joined it and left before it overtook nobody.
        until = min(until, holders[at, _BEGAN])
        number -= 1
    if number < oldest:
        return
    at = number % _HOLDERS
    if row.time < holders[at, _RELEASED] <= until:
        which = 0 if holders[at, _NODE] == measured.node_of_cpu[row.cpu] else 1
        place = counts[SAME + which] % _GAPS
        measured.gaps[which, place] = until - holders[at, _RELEASED]
        measured.late[which, place] = until != begins
        counts[SAME + which] += 1


@inlined
def _held(measured: Measured, row: Record, begins: int) -> None:
    """It is the file's last holder."""
    holder = measured.files[row.slot, measured.held[row.slot] % _HOLDERS]
    holder[_ASKED] = row.time
    holder[_BEGAN] = begins
    holder[_RELEASED] = begins + max(row.hold, 0)
    holder[_NODE] = measured.node_of_cpu[row.cpu]
    measured.held[row.slot] += 1


@inlined
def _span(measured: Measured, step: int, begin: int, end: int) -> float:
    """Work done in it, which the load counts."""
    if len(measured.clock):
        return work_at(measured.clock, step, end) - work_at(measured.clock, step, begin)
    cover(measured.whole, measured.part, step, begin, end)
    return np.float64(end - begin)


@inlined
def _kind(operation: int, write: bool, vmas: int) -> int:
    changes = operation in (INSERT, INSERT_AFTER, REMOVE, ADJUST)
    if not changes and vmas == 0:
        return SWEEP | (WRITE if write else 0)
    return WRITE | (ONE_BY_ONE if operation == REMOVE and vmas > 1 else 0)


@compiled
def join(
    batch: Batch,
    lives: Lives,
    changes: Changes,
    table: Records,
    events: Records,
    measured: Measured,
    step: int,
    length: int,
) -> None:
    """Appends a batch of acquisitions to `events`, those of no file left out.

    `length`: of the blocks of events that waits are kept by. `changes` and `table` must have room
    for all of the batch's changes.
    """
    counts = measured.counts
    for number in range(len(batch.acquisitions)):
        row = batch.acquisitions[number]
        begins = row.time + max(row.wait, 0)
        released = begins + max(row.hold, 0)
        while counts[CHANGED] < len(batch.changes):
            if batch.changes[counts[CHANGED]].time > released:
                break
            remember(changes, lives.tasks, batch.changes, counts[CHANGED])
            counts[CHANGED] += 1
        _turns(batch, lives, events, counts, row.time)
        task = signed(row.task)
        vmas = of_acquisition(
            changes, table, lives.tasks, task, row.acquisition, row.operation == ADJUST
        )
        vmas = min(vmas, _MOST_VMAS)
        if row.slot == 0:
            continue
        at = counts[EVENTS]
        counts[EVENTS] += 1
        event = events[at]
        event.following = NOTHING
        event.file = row.slot
        event.cpu = row.cpu
        event.kind = _kind(row.operation, row.write != 0, vmas)
        event.count = vmas
        event.vmas = changes.scratch[0] if vmas == 1 else changes.counts[ENTRIES]
        if vmas > 1:
            for entry in range(vmas):
                changes.vmas[changes.counts[ENTRIES]] = changes.scratch[entry]
                changes.counts[ENTRIES] += 1
        if row.wait >= 0:
            _woken(measured, row, begins)
            counts[CONTENDED] += 1
            measured.waits[at // length] += row.wait
        _held(measured, row, begins)
        event.hold = _span(measured, step, begins, released)
        if row.hold < 0:
            counts[NO_HOLD] += 1
            event.hold = counts[HOLD_NS] / max(1, counts[HOLDS])
        else:
            counts[HOLD_NS] += row.hold
            counts[HOLDS] += 1
        measured.work[0] += event.hold
        if event.kind & SWEEP:
            measured.work[1] += event.hold
        before = linked(lives, events, at, task, row.time, released)
        event.think = 0.0
        if before >= 0 and row.time > before:
            if row.time - before > SLEEP_NS:
                event.kind |= SLEEP
                event.think = row.time - before
            else:
                event.think = _span(measured, step, before, row.time)
                measured.work[0] += event.think
