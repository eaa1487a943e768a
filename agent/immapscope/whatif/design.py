# SPDX-License-Identifier: GPL-2.0-or-later
"""A design as the event loop sees it, and which tree a VMA goes to there."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records, compiled, inlined, signed

#: Which locks there are: one a file; one for each tree; that and an inverted one over all.
ONE, EACH, INVERTED = 0, 1, 2
#: How a new VMA's tree is chosen: by the CPU, the emptiest, by the VMA's address.
BY_CPU, EMPTIEST, BY_ADDRESS = 0, 1, 2

#: RWSEM_WAIT_TIMEOUT of kernel/locking/rwsem.c, in ns: after it RWSEM_FLAG_HANDOFF is set.
PATIENCE_NS: Final = 4_000_000

#: A VMA whose tree is not known yet.
UNKNOWN: Final = 0xFFFF

#: `trees`, `locks`: of a file. `copies` of the recorded customers, each on `cpus_of_copy` CPUs of
#: its own as far as there are such, of `cpus`. `walks`: how often each walk is done. `patience`: ns
#: after which a waiter that woke too late is promised the lock.
NUMBERS: Final = np.dtype(
    [
        ("layout", "i8"), ("choice", "i8"), ("trees", "i8"), ("locks", "i8"), ("copies", "i8"),
        ("cpus_of_copy", "i8"), ("cpus", "i8"), ("walks", "f8"), ("patience", "f8"),
    ]
)  # fmt: skip


class Design(NamedTuple):
    """`numbers`: one of NUMBERS; `tree_of_cpu`: for BY_CPU; `node_of_cpu`: of the machine.

    `gaps`: ns from a release to when who waits is there, of who sleeps and of who spins, on one
    node and on another, QUANTILES equally likely ones each; `spins`: ns for which a writer spins.
    """

    numbers: Records
    tree_of_cpu: NDArray[np.int32]
    node_of_cpu: NDArray[np.int32]
    gaps: NDArray[np.float64]
    spins: NDArray[np.float64]


@inlined
def _mixed(number: np.uint64) -> np.uint64:
    """What splitmix64 makes of 64 bits."""
    mixed = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@inlined
def random_below(state: Records, count: int) -> int:
    """0 to `count` - 1, from the state's `random`."""
    state[0].random += np.uint64(0x9E3779B97F4A7C15)
    return signed(_mixed(state[0].random) >> np.uint64(33)) % count


@inlined
def hash_in_copy(hashed: int, copy: int) -> int:
    """32 bits: the hash of the address that a VMA has in a copy of the recorded customers.

    A copy's VMAs are other pieces of memory, so their hashes have nothing to do with one another.
    """
    if copy == 0:
        return hashed
    return signed(_mixed(np.uint64(copy) << np.uint64(32) | np.uint64(hashed)) >> np.uint64(32))


@compiled
def _emptiest(locks: Records, first: int, trees: int) -> int:
    found = 0
    least = locks[first].vmas
    for tree in range(1, trees):
        if least <= 0:
            break
        if locks[first + tree].vmas < least:
            least = locks[first + tree].vmas
            found = tree
    return found


@compiled
def tree_for_new(design: Design, locks: Records, first: int, cpu: int, hashed: int) -> int:
    """Where a new VMA goes; `first`: the file's first tree, `hashed`: the VMA's address."""
    choice = design.numbers[0].choice
    if choice == BY_CPU:
        return signed(design.tree_of_cpu[cpu])
    if choice == EMPTIEST:
        return _emptiest(locks, first, design.numbers[0].trees)
    tree: int = hashed % design.numbers[0].trees
    return tree


@compiled
def tree_for_old(design: Design, state: Records) -> int:
    """Where a VMA may be of which it is not known how it was made.

    Its address does not say it either: what came by a fork or a split is where its original is.
    """
    if design.numbers[0].choice == BY_CPU:
        return signed(design.tree_of_cpu[random_below(state, len(design.tree_of_cpu))])
    return random_below(state, design.numbers[0].trees)
