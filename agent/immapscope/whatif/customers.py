# SPDX-License-Identifier: GPL-2.0-or-later
"""Who goes through the recorded acquisitions, and what all of them are in."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records, inlined, signed
from immapscope.whatif.design import ONE, UNKNOWN, Design
from immapscope.whatif.heap import Heap, heap
from immapscope.whatif.locks import locks
from immapscope.whatif.trace import BLOCKS, Events

#: Trees that one change may touch; who touches more is not told apart from who does not. The
#: kernel's batches have 8 VMAs.
MOST_LOCKS: Final = 16

#: What a customer's next event is.
THINKS, SKIPS, RECEIVES, HOLDS, WAKES, NOTICES = 0, 1, 2, 3, 4, 5

#: `event`: its acquisition; `copy`: of the recorded customers it is of; `next`: its next event. It
#: `needs` so many locks and has `got` some. `sweeps`: they lie one behind the other. `asked`: when,
#: for the one that it waits for, `queued`: when it began to sleep for it; `waited`: for all.
#: `wants_write`: whether to write; `behind`, `before`: its neighbours in the one line that it may
#: be in, 0 for nobody and else a number and 1. `tires`: when it has spun for long enough; `turn`:
#: among all who spun; `place`: in the heap of those who spin, 0 for not in it.
#: `away`: whether the release that it is on its way from was on another node.
#: `again`: how often a walk is still to be done, below 0 where that is not decided.
_CUSTOMER: Final = np.dtype(
    [
        ("asked", "f8"), ("queued", "f8"), ("waited", "f8"), ("event", "i8"), ("tires", "f8"),
        ("turn", "i8"),
        ("copy", "i4"), ("needs", "i4"), ("got", "i4"), ("behind", "i4"), ("before", "i4"),
        ("place", "i4"), ("again", "i4"), ("next", "u1"), ("sweeps", "u1"), ("wants_write", "u1"),
        ("away", "u1"),
    ]
)  # fmt: skip

#: `now`: the time; `work`: what one who never lacked a CPU has done by then; both in ns. `running`:
#: who wants a CPU; `spinning`: how many of them spin and are not tired of it, `turns`: how many
#: ever did. `spare`: customers' numbers that are free again; `used`: that ever were taken.
#: The rest counts; `sweep_wait`, `sweep_took`: ns.
_STATE: Final = np.dtype(
    [
        ("now", "f8"), ("work", "f8"), ("sweep_wait", "f8"), ("sweep_took", "f8"),
        ("random", "u8"), ("running", "i8"), ("spinning", "i8"), ("turns", "i8"), ("spare", "i8"),
        ("used", "i8"), ("done", "i8"),
        ("contended", "i8"), ("handoffs", "i8"), ("remote", "i8"), ("sweeps", "i8"),
        ("drawn", "i8"),
    ]
)  # fmt: skip


class World(NamedTuple):
    """All that changes.

    `mine`, `parts`: each customer's locks, and for how many parts of its hold it has each where it
    takes them one by one. `spare`: numbers of customers that ended. `spinning`: a heap of those who
    spin, by when they tire of it. `waits`: ns by block of events.
    """

    customers: Records
    mine: NDArray[np.int32]
    parts: NDArray[np.uint8]
    spare: NDArray[np.int32]
    found: NDArray[np.int32]
    spinning: NDArray[np.int32]
    locks: Records
    work: Heap
    sleep: Heap
    tree_of_vma: NDArray[np.uint16]
    state: Records
    waits: NDArray[np.float64]


def world(design: Design, events: Events, files: int, seed: int) -> World:
    """Where nothing has happened yet; memory is taken as it is used."""
    numbers = design.numbers[0]
    most = (len(events.head) + len(events.spawned)) * int(numbers["copies"])
    vmas = len(events.address) * int(numbers["copies"]) if numbers["layout"] != ONE else 0
    state = np.zeros(1, _STATE)
    state["random"] = seed
    return World(
        np.empty(most, _CUSTOMER), np.empty((most, MOST_LOCKS), np.int32),
        np.empty((most, MOST_LOCKS), np.uint8), np.empty(most, np.int32),
        np.empty(most, np.int32), np.empty(most + 1, np.int32),
        locks(files * int(numbers["locks"])), heap(most), heap(most),
        np.full(vmas, UNKNOWN, np.uint16), state, np.zeros(BLOCKS),
    )  # fmt: skip


@inlined
def arrived(world: World, event: int, copy: int) -> int:
    """The number of a new customer, who wants a CPU."""
    state = world.state
    if state[0].spare:
        state[0].spare -= 1
        customer = signed(world.spare[state[0].spare])
    else:
        customer = state[0].used
        state[0].used += 1
    state[0].running += 1
    world.customers[customer].event = event
    world.customers[customer].copy = copy
    world.customers[customer].again = -1
    return customer


@inlined
def departed(world: World, customer: int) -> None:
    """Its number is free."""
    world.state[0].running -= 1
    world.spare[world.state[0].spare] = customer
    world.state[0].spare += 1


@inlined
def cpu_of(design: Design, events: Events, event: int, copy: int) -> int:
    """The CPU that a copy's event is on."""
    numbers = design.numbers[0]
    cpu = signed(events.all[event].cpu)
    if copy:
        cpu = (cpu + copy * numbers.cpus_of_copy) % numbers.cpus
    return cpu
