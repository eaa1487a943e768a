# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes of trees, joined to the acquisitions that they happened in."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Record, Records, compiled, inlined, signed
from immapscope.whatif.tables import slot_of
from immapscope.whatif.trace import COPY, GOES, NEW, STAYS, VMA_MASK, WHAT_SHIFT

#: A change of a tree as it was read. `parent` is 0 where there is none.
CHANGE: Final = np.dtype(
    [
        ("time", "i8"), ("acquisition", "u8"), ("vma", "u8"), ("parent", "u8"), ("reuse", "u4"),
        ("parent_reuse", "u4"), ("task", "u4"), ("operation", "i4"), ("next", "i4"),
        ("unused", "i4"),
    ]
)  # fmt: skip

#: Of one task; who has more has lost the acquisitions that they are of. VMAs of one acquisition
#: beyond that are left out.
_MOST_LISTED: Final = 250

#: Operations as rows say them; the order is that of kernel/words.py.
INSERT, INSERT_AFTER, REMOVE, ADJUST, WALK, OTHER = range(1, 7)

#: GOLDEN_RATIO_64 of include/linux/hash.h.
_GOLDEN_RATIO: Final = 0x61C8864680B583EB


class Changes(NamedTuple):
    """`listed`: changes whose acquisition is still to come, `spare` those that are free.

    `vmas`: entries as of `Events.vmas`; `scratch`: those of the acquisition at hand. `address`: the
    hash of each VMA's. `counts`: see below.
    """

    listed: Records
    spare: NDArray[np.int32]
    vmas: NDArray[np.uint32]
    scratch: NDArray[np.int64]
    address: NDArray[np.uint32]
    counts: NDArray[np.int64]


#: Of `counts`: free entries of `listed`; entries of `vmas`; VMAs, those that were there before;
#: changes without an acquisition.
SPARE, ENTRIES, VMAS, OLD, ORPHANS = range(5)


def changes(rows: int, listed: int) -> Changes:
    """For a recording with so many changes, of which so many are waiting at a time."""
    return Changes(
        np.empty(listed, CHANGE), np.arange(listed, dtype=np.int32),
        np.empty(2 * rows, np.uint32), np.empty(_MOST_LISTED * 2 + 2, np.int64),
        np.empty(2 * rows, np.uint32), np.array([listed, 0, 0, 0, 0], np.int64),
    )  # fmt: skip


def with_room(old: Changes, rows: int) -> Changes:
    """The same, or one that can list `rows` more."""
    missing = rows - int(old.counts[SPARE])
    if missing <= 0:
        return old
    size = len(old.listed)
    more = size + missing
    spare = np.empty(size + more, np.int32)
    free = int(old.counts[SPARE])
    spare[:free] = old.spare[:free]
    spare[free : free + more] = np.arange(size, size + more)
    old.counts[SPARE] += more
    listed = np.concatenate([old.listed, np.empty(more, CHANGE)])
    return old._replace(listed=listed, spare=spare)


@inlined
def remember(changes: Changes, tasks: Records, rows: Records, row: int) -> None:
    """A change of a task whose acquisition is not over."""
    if rows[row].acquisition == 0:
        changes.counts[ORPHANS] += 1
        return
    task = tasks[rows[row].task]
    if task.listed >= _MOST_LISTED:
        _forget(changes, task)
    changes.counts[SPARE] -= 1
    at = changes.spare[changes.counts[SPARE]]
    changes.listed[at] = rows[row]
    changes.listed[at].next = task.first
    task.first = at + 1
    task.listed += 1


@compiled
def _forget(changes: Changes, task: Record) -> None:
    at = task.first
    while at:
        changes.counts[ORPHANS] += 1
        changes.spare[changes.counts[SPARE]] = at - 1
        changes.counts[SPARE] += 1
        at = changes.listed[at - 1].next
    task.first = 0
    task.listed = 0


@inlined
def of_acquisition(
    changes: Changes, table: Records, tasks: Records, number: int, acquisition: int, adjusts: bool
) -> int:
    """The VMAs that it concerns, into `scratch` as `Events.vmas` has them: how many."""
    task = tasks[number]
    found = _taken(changes, task, acquisition)
    entries = 0
    at = found
    while at:
        change = changes.listed[at - 1]
        entries = _entered(changes, table, change, entries)
        changes.spare[changes.counts[SPARE]] = at - 1
        changes.counts[SPARE] += 1
        at = change.next
    if adjusts and entries > 1:
        _copies_last(changes.scratch, entries)
    return entries


@inlined
def _taken(changes: Changes, task: Record, acquisition: int) -> int:
    """Takes the changes of one acquisition off the task's list: the oldest, and 1."""
    found = 0
    kept = 0
    at = task.first
    while at:
        following = changes.listed[at - 1].next
        if changes.listed[at - 1].acquisition == acquisition:
            changes.listed[at - 1].next = found
            found = at
            task.listed -= 1
            if kept:
                changes.listed[kept - 1].next = following
            else:
                task.first = following
        else:
            kept = at
        at = following
    return found


@inlined
def _entered(changes: Changes, table: Records, change: Record, entries: int) -> int:
    """One change more among `entries` of them: how many there are."""
    scratch = changes.scratch
    if change.operation == INSERT_AFTER and change.parent:
        parent = _vma(changes, table, change.parent, change.parent_reuse, False)
        entries = _put(scratch, entries, parent, STAYS)
        child = _vma(changes, table, change.vma, change.reuse, True)
        return _put(scratch, entries, child, COPY)
    for at in range(entries):
        vma = scratch[at] & VMA_MASK
        if changes.address[vma] == _hashed(change.vma):
            # Taken out and put back, or the other way round.
            what = scratch[at] >> WHAT_SHIFT
            if change.operation == REMOVE:
                what = GOES
            elif what == GOES:
                what = STAYS
            scratch[at] = vma | what << WHAT_SHIFT
            return entries
    new = change.operation != REMOVE
    vma = _vma(changes, table, change.vma, change.reuse, new)
    return _put(scratch, entries, vma, NEW if new else GOES)


@inlined
def _put(scratch: NDArray[np.int64], entries: int, vma: int, what: int) -> int:
    scratch[entries] = vma | what << WHAT_SHIFT
    return entries + 1


@inlined
def _hashed(address: int) -> np.uint32:
    """As hash_ptr(address, 32)."""
    return np.uint32((np.uint64(address) * np.uint64(_GOLDEN_RATIO)) >> np.uint64(32))


@inlined
def _vma(changes: Changes, table: Records, address: int, reuse: int, made: bool) -> int:
    """The number of a VMA; one that is new and not `made` now was there before."""
    at = slot_of(table, address)
    if table[at].value == 0 or table[at].version != reuse:
        number = changes.counts[VMAS]
        changes.counts[VMAS] += 1
        changes.address[number] = _hashed(address)
        table[at].value = number + 1
        table[at].version = reuse
        if not made:
            changes.counts[OLD] += 1
    return signed(table[at].value) - 1


@compiled
def _copies_last(scratch: NDArray[np.int64], entries: int) -> None:
    """A VMA that is new beside others is split off one of them, and in its tree."""
    kept = 0
    for at in range(entries):
        if scratch[at] >> WHAT_SHIFT != NEW:
            held = scratch[at]
            for other in range(at, kept, -1):
                scratch[other] = scratch[other - 1]
            scratch[kept] = held
            kept += 1
    if kept:
        for at in range(kept, entries):
            scratch[at] = (scratch[at] & VMA_MASK) | COPY << WHAT_SHIFT
