# SPDX-License-Identifier: GPL-2.0-or-later
"""A rwsem as the model has it.

A writer excludes all. A reader gets in where readers are inside and nobody sleeps. A writer that
has to wait spins, in line behind those who do, and when it tires of that it sleeps, behind those
who sleep. Who releases wakes the writer that sleeps longest, and is seen by who spins longest;
until one of them is there the lock is free: who asks for it then has it, but for a writer where
some sleep and some spin. It would have to go past the spinners' own queue (osq_lock()), since who
sleeps keeps down_write()'s first try from succeeding. For a lock that readers have a writer spins
only shortly (rwsem_rspin_threshold()). A writer that woke too late, and has slept for
RWSEM_WAIT_TIMEOUT, is promised the lock: the next release hands it over. Until then it looks on, if
it is a writer that has the lock, and sleeps if readers do. Where a reader sleeps longest every
reader that does is handed it at once. See rwsem_down_write_slowpath(), rwsem_optimistic_spin() and
rwsem_mark_wake() (kernel/locking/rwsem.c).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records, compiled, inlined

#: `inside`: readers, or -1 for a writer; `first`, `last`: who sleeps, `first_spins`, `last_spins`:
#: who spins, 0 for nobody and else a customer's number and 1. `busy`: ns of holds for write, and of
#: its being kept for one; what a holder waits for another lock meanwhile is not in it, since that
#: is no work that the lock is for.
#: `taken`: by who changes its tree. `vmas`: in its tree, as far as known. `left_on`: the node of
#: the last release. `waking`: whether who sleeps longest is; `promised`: to that one, PROMISED or
#: LOOKS_ON; `noticing`: whether who spins longest is about to.
_LOCK: Final = np.dtype(
    [
        ("busy", "f8"), ("taken", "i8"), ("inside", "i4"), ("first", "i4"), ("last", "i4"),
        ("vmas", "i4"), ("first_spins", "i4"), ("last_spins", "i4"), ("left_on", "i4"),
        ("waking", "u1"), ("promised", "u1"), ("noticing", "u1"),
    ]
)  # fmt: skip

#: Of a lock that is promised: its waiter sleeps, or is awake.
PROMISED, LOOKS_ON = 1, 2


def locks(count: int) -> Records:
    """So many that nobody holds; memory is taken as they are used."""
    return np.zeros(count, _LOCK)


@inlined
def obtained(locks: Records, lock: int, write: bool) -> bool:
    """Takes it if that can be had at once."""
    inside = locks[lock].inside
    if inside == 0:
        # What is handed over is never free in between: whoever waits is still on the way. Where
        # somebody sleeps a writer cannot go past the line of those who spin.
        if write and locks[lock].first and locks[lock].first_spins:
            return False
        locks[lock].inside = -1 if write else 1
        return True
    if not write and inside > 0 and locks[lock].first == 0:
        locks[lock].inside = inside + 1
        return True
    return False


@compiled
def queue(locks: Records, lock: int, customer: int, customers: Records, now: float) -> None:
    """`customer` sleeps behind all who do."""
    customers[customer].behind = 0
    customers[customer].queued = now
    if locks[lock].first == 0:
        locks[lock].first = customer + 1
    else:
        customers[locks[lock].last - 1].behind = customer + 1
    locks[lock].last = customer + 1


@inlined
def left(locks: Records, lock: int) -> bool:
    """One holder less. True where it is free and nobody is on the way of those who wait for it."""
    if locks[lock].inside > 1:
        locks[lock].inside -= 1
        return False
    locks[lock].inside = 0
    sleepers: bool = locks[lock].first != 0 and not locks[lock].waking
    spinners: bool = locks[lock].first_spins != 0 and not locks[lock].noticing
    return sleepers or spinners


@compiled
def serve(locks: Records, lock: int, customers: Records, found: NDArray[np.int32]) -> int:
    """Hands over a lock for which customers sleep: how many got it, and who in `found`."""
    first = locks[lock].first - 1
    if customers[first].wants_write:
        locks[lock].first = customers[first].behind
        locks[lock].inside = -1
        found[0] = first
        return 1
    count = 0
    kept = 0
    locks[lock].first = 0
    at = first + 1
    while at:
        customer = at - 1
        at = customers[customer].behind
        if customers[customer].wants_write:
            if kept == 0:
                locks[lock].first = customer + 1
            else:
                customers[kept - 1].behind = customer + 1
            customers[customer].behind = 0
            kept = customer + 1
        else:
            found[count] = customer
            count += 1
    locks[lock].last = kept
    locks[lock].inside = count
    return count
