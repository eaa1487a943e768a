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
from immapscope.whatif.design import PATIENCE_NS
from immapscope.whatif.lives import Lives, exited, forked, linked
from immapscope.whatif.load import Load, cover, work_at
from immapscope.whatif.trace import BLOCKS, NOTHING, ONE_BY_ONE, SLEEP, SWEEP, WRITE

#: A think that lasts longer counts as sleep, which takes no CPU.
SLEEP_NS: Final = 100_000_000
#: An event's `count` goes so far; the kernel's batches have 8.
_MOST_VMAS: Final = 255
#: So many gaps of either kind are kept, the newest.
_GAPS: Final = 1 << 16

#: So many holders are remembered, of all files; who was overtaken by more is not counted.
_HOLDERS: Final = 1 << 16
#: Of each: when it asked, when it queued (as its hold began where it never did), when its hold
#: began and ended, in ns, its node, and the number of the same file's holder before it.
_ASKED, _QUEUED, _BEGAN, _RELEASED, _NODE, _BEFORE = range(6)


class Measured(NamedTuple):
    """What is measured on the way.

    `holders`: the last of all files; `last`: each file's, by its number, which counts from 1;
    `gaps`: at least and at most how many ns it took from a release until one who waited for it was
    there, of who slept on the same node and on another and of who spun; `spins`: likewise for how
    long a writer spins; `waits`: ns by block;
    `whole`, `part`, `clock`: of a `Load`, `clock` empty in a first pass; `work`: ns in all, and of
    it holds of walks. `counts`: see below.
    """

    holders: NDArray[np.int64]
    last: NDArray[np.int64]
    gaps: NDArray[np.float64]
    spins: NDArray[np.float64]
    waits: NDArray[np.float64]
    whole: NDArray[np.float64]
    part: NDArray[np.float64]
    clock: NDArray[np.float64]
    work: NDArray[np.float64]
    node_of_cpu: NDArray[np.int32]
    counts: NDArray[np.int64]


#: Of `counts`: events; holders; gaps of who slept on the same node, on another, of who spun
#: likewise; spins; who waited; holds that are not known, ns of those that are, how many; rows used
#: of changes, forks, exits.
(
    EVENTS, HELD, SLEPT, SLEPT_AWAY, SPUN, SPUN_AWAY, SPINS, CONTENDED, NO_HOLD, HOLD_NS, HOLDS,
    CHANGED, FORKED, EXITED,
) = range(14)  # fmt: skip


def measured(load_: Load, clock: NDArray[np.float64], node_of_cpu: NDArray[np.int32]) -> Measured:
    """Nothing yet."""
    return Measured(
        np.zeros((_HOLDERS, 6), np.int64), np.zeros(0, np.int64),
        np.empty((4, _GAPS, 2)), np.empty((_GAPS, 2)), np.zeros(BLOCKS),
        load_.whole, load_.part, clock,
        np.zeros(2), node_of_cpu, np.zeros(14, np.int64),
    )  # fmt: skip


def with_files(old: Measured, files: int) -> Measured:
    """With room for so many."""
    if files <= len(old.last):
        return old
    last = np.zeros(max(files, 2 * len(old.last)), np.int64)
    last[: len(old.last)] = old.last
    return old._replace(last=last)


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
def _slept(row: Record) -> bool:
    """Whether a waiter queued before it had the lock, as it did where no spin is known."""
    slept: bool = row.spin < row.wait
    return slept


@inlined
def _work(measured: Measured, step: int, begin: int, end: int) -> float:
    """ns of it that one had a CPU."""
    if len(measured.clock):
        return work_at(measured.clock, step, end) - work_at(measured.clock, step, begin)
    return np.float64(end - begin)


@inlined
def _span(measured: Measured, step: int, begin: int, end: int) -> float:
    """Work done in it, which the load counts."""
    if not len(measured.clock):
        cover(measured.whole, measured.part, step, begin, end)
    return _work(measured, step, begin, end)


@inlined
def _woken(measured: Measured, row: Record, begins: int, step: int) -> None:
    """Keeps how long a waiter took to be there, from the last release of one who was before it.

    Of two who sleep that is who queued first, of others who asked first; but a sleeper that had the
    lock while the waiter spun overtook it. Who came later and had the lock before it had it while
    it was still on its way. How long it went on being that is not known, but of who had slept for
    too long before: once there it would have been promised the lock, so that it was not there
    before the last of those who were before it. Who queued, and found the lock free, had been
    spinning for that release.
    """
    counts, holders = measured.counts, measured.holders
    last = signed(measured.last[row.slot])
    oldest = max(1, signed(counts[HELD]) + 1 - _HOLDERS)
    if last < oldest:
        return
    latest = holders[last % _HOLDERS]
    slept = _slept(row) and (row.spin <= 0 or row.time + row.spin < latest[_RELEASED])
    since = row.time + (max(row.spin, 0) if slept else 0)
    until = begins
    number = last
    while number >= oldest and _is_behind(holders[number % _HOLDERS], slept, since):
        # A reader that joined it and left before it overtook nobody.
        until = min(until, holders[number % _HOLDERS, _BEGAN])
        number = signed(holders[number % _HOLDERS, _BEFORE])
    if number < oldest:
        return
    released = holders[number % _HOLDERS, _RELEASED]
    if not since < released <= until:
        return
    which = 0 if holders[number % _HOLDERS, _NODE] == measured.node_of_cpu[row.cpu] else 1
    which += 0 if slept else 2
    place = counts[SLEPT + which] % _GAPS
    most = np.inf
    if until == begins:
        most = _work(measured, step, released, begins)
    elif slept and row.write and until > since + PATIENCE_NS:
        until = min(latest[_BEGAN], begins)
        most = _work(measured, step, released, begins)
    measured.gaps[which, place, 0] = _work(measured, step, released, until)
    measured.gaps[which, place, 1] = most
    counts[SLEPT + which] += 1


@inlined
def _is_behind(holder: NDArray[np.int64], slept: bool, since: int) -> bool:
    """Whether a holder came later than a waiter that slept, or spins, since then."""
    behind: bool
    if slept:
        behind = holder[_QUEUED] > since
    else:
        sleeper = holder[_QUEUED] < holder[_BEGAN] and holder[_BEGAN] > since
        behind = holder[_ASKED] > since or sleeper
    return behind


@inlined
def _spun(measured: Measured, row: Record, step: int) -> None:
    """Keeps how long a writer spun, and that it had a CPU meanwhile."""
    counts = measured.counts
    ns = min(row.spin, row.wait)
    place = counts[SPINS] % _GAPS
    measured.spins[place, 0] = ns
    # Who had the lock may have been about to spin for as long as you like.
    measured.spins[place, 1] = ns if _slept(row) else np.inf
    counts[SPINS] += 1
    if not len(measured.clock):
        cover(measured.whole, measured.part, step, row.time, row.time + ns)


@inlined
def _held(measured: Measured, row: Record, begins: int) -> None:
    """It is the file's last holder."""
    measured.counts[HELD] += 1
    number = signed(measured.counts[HELD])
    holder = measured.holders[number % _HOLDERS]
    holder[_ASKED] = row.time
    holder[_QUEUED] = row.time + max(row.spin, 0) if _slept(row) else begins
    holder[_BEGAN] = begins
    holder[_RELEASED] = begins + max(row.hold, 0)
    holder[_NODE] = measured.node_of_cpu[row.cpu]
    holder[_BEFORE] = measured.last[row.slot]
    measured.last[row.slot] = number


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
            _woken(measured, row, begins, step)
            if row.spin >= 0:
                _spun(measured, row, step)
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
