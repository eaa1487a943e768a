# SPDX-License-Identifier: GPL-2.0-or-later
"""How a customer takes the locks that it needs, one behind the other, and holds them."""

from __future__ import annotations

import numpy as np

from immapscope.whatif.compiled import compiled, inlined, signed
from immapscope.whatif.customers import HOLDS, World
from immapscope.whatif.design import INVERTED, Design, random_below
from immapscope.whatif.heap import put
from immapscope.whatif.locks import obtained, queue
from immapscope.whatif.spinning import spin
from immapscope.whatif.trace import ONE_BY_ONE, QUANTILES, SWEEP, WRITE, Events

#: rwsem_rspin_threshold(): so much for readers, and for each of them, up to so many.
_RSPIN, _RSPIN_MOST, _RSPIN_NS = 20, 30, 500


@inlined
def work(world: World, customer: int, next_: int, ns: float) -> None:
    """The customer is to run for so long."""
    world.customers[customer].next = next_
    put(world.work, world.state[0].work + ns, customer)


@inlined
def lock_of(world: World, customer: int, number: int) -> int:
    """The customer's lock of that number."""
    if world.customers[customer].sweeps:
        return signed(world.mine[customer, 0]) + number
    return signed(world.mine[customer, number])


@inlined
def writes(design: Design, kind: int, number: int) -> bool:
    """Whether an acquisition takes its lock of that number for write."""
    if design.numbers[0].layout == INVERTED:
        return number > 0 or kind & SWEEP != 0
    return kind & WRITE != 0


@inlined
def asks(design: Design, world: World, customer: int, lock: int, write: bool) -> bool:
    """Whether it has the lock now; else it waits, a writer spinning at first."""
    me = world.customers[customer]
    if obtained(world.locks, lock, write):
        me.got += 1
        return True
    me.wants_write = write
    me.asked = world.state[0].now
    if write:
        ns = design.spins[random_below(world.state, QUANTILES)]
        inside = world.locks[lock].inside
        if inside > 0:
            ns = min(ns, (_RSPIN + min(inside, _RSPIN_MOST)) * _RSPIN_NS)
        if ns > 0:
            me.tires = me.asked + ns
            spin(world, lock, customer)
            return False
        if inside == 0:
            # As it queues it looks once more.
            world.locks[lock].inside = -1
            me.got += 1
            return True
    world.state[0].running -= 1
    queue(world.locks, lock, customer, world.customers, me.asked)
    return False


@inlined
def go_on(design: Design, events: Events, world: World, customer: int, later: float) -> None:
    """Take the next locks, until one has to be waited for or all are there; hold after `later`."""
    me = world.customers[customer]
    event = events.all[me.event]
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    one_by_one = event.kind & ONE_BY_ONE and me.needs - outer > 1
    while me.got < me.needs and not (one_by_one and me.got > outer):
        lock = lock_of(world, customer, me.got)
        if not asks(design, world, customer, lock, writes(design, event.kind, me.got)):
            return
    ns = np.float64(event.hold)
    if one_by_one:
        ns *= part(world, customer, outer)
    work(world, customer, HOLDS, later + ns)


@compiled
def part(world: World, customer: int, outer: int) -> float:
    """Of its hold, that of the lock which it took last."""
    me = world.customers[customer]
    parts = 0
    for number in range(outer, me.needs):
        parts += world.parts[customer, number]
    part: float = world.parts[customer, me.got - 1] / parts
    return part
