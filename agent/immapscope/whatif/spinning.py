# SPDX-License-Identifier: GPL-2.0-or-later
"""Who spins: in line for a lock, and in a heap by when they tire of it.

The heap is of customers' numbers and knows where each is: most have the lock before they tire.
"""

from __future__ import annotations

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.customers import World


@inlined
def spin(world: World, lock: int, customer: int) -> None:
    """It is the last in the lock's line."""
    me = world.customers[customer]
    last = world.locks[lock].last_spins
    me.before = last
    me.behind = 0
    if last:
        world.customers[last - 1].behind = customer + 1
    else:
        world.locks[lock].first_spins = customer + 1
    world.locks[lock].last_spins = customer + 1
    me.turn = world.state[0].turns
    world.state[0].turns += 1
    world.state[0].spinning += 1
    _rise(world, world.state[0].spinning, customer)


@compiled
def stop(world: World, lock: int, customer: int) -> None:
    """It is in no line any more."""
    me = world.customers[customer]
    if me.before:
        world.customers[me.before - 1].behind = me.behind
    else:
        world.locks[lock].first_spins = me.behind
    if me.behind:
        world.customers[me.behind - 1].before = me.before
    else:
        world.locks[lock].last_spins = me.before
    if in_heap(world.customers, customer):
        leave_heap(world, customer)


@inlined
def in_heap(customers: Records, customer: int) -> bool:
    """Whether one that is in line is not tired of it yet."""
    found: bool = customers[customer].place != 0
    return found


@compiled
def leave_heap(world: World, customer: int) -> None:
    """It is tired, though perhaps still in line, as it sees a release."""
    heap = world.spinning
    count = world.state[0].spinning
    world.state[0].spinning -= 1
    last = signed(heap[count])
    at = signed(world.customers[customer].place)
    world.customers[customer].place = 0
    if last == customer:
        return
    if _first(world.customers, last, customer):
        _rise(world, at, last)
    else:
        _sink(world, at, last)


@inlined
def _first(customers: Records, one: int, other: int) -> bool:
    """Whether it tires before the other; of two that do at once who began first comes first."""
    tires, later = customers[one].tires, customers[other].tires
    first: bool = tires < later or (tires == later and customers[one].turn < customers[other].turn)
    return first


@inlined
def _rise(world: World, at: int, customer: int) -> None:
    """From a vacant place towards the first, which is at 1."""
    heap, customers = world.spinning, world.customers
    while at > 1 and _first(customers, customer, heap[at >> 1]):
        heap[at] = heap[at >> 1]
        customers[heap[at]].place = at
        at >>= 1
    heap[at] = customer
    customers[customer].place = at


@inlined
def _sink(world: World, at: int, customer: int) -> None:
    """From a vacant place towards the last."""
    heap, customers = world.spinning, world.customers
    count = world.state[0].spinning
    while 2 * at <= count:
        child = 2 * at
        if child < count and _first(customers, heap[child + 1], heap[child]):
            child += 1
        if _first(customers, customer, heap[child]):
            break
        heap[at] = heap[child]
        customers[heap[at]].place = at
        at = child
    heap[at] = customer
    customers[customer].place = at
