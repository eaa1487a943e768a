# SPDX-License-Identifier: GPL-2.0-or-later
"""What customers do: think, ask for locks, wait, hold, give back, and go on.

A release comes first, then the chains that it begins start, then its own goes on.
"""

from __future__ import annotations

import numpy as np

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.customers import (
    HOLDS,
    NOTICES,
    SKIPS,
    THINKS,
    WAKES,
    World,
    arrived,
    cpu_of,
    departed,
)
from immapscope.whatif.design import EMPTIEST, INVERTED, ONE, Design, random_below
from immapscope.whatif.handing import notices, release, wakes
from immapscope.whatif.heap import put
from immapscope.whatif.needs import count_vmas, need
from immapscope.whatif.taking import asks, go_on, lock_of, part, work, writes
from immapscope.whatif.trace import NOTHING, ONE_BY_ONE, SLEEP, SPAWNS, SWEEP, Events


@compiled
def _times(walks: float, state: Records) -> int:
    """How often a walk is done: `walks` on average."""
    whole = int(walks)
    return whole + (1 if random_below(state, 1 << 20) < (walks - whole) * (1 << 20) else 0)


@inlined
def skips(design: Design, events: Events, world: World, customer: int) -> bool:
    """Whether its next acquisition is a walk that is not done; else how often it is, is decided."""
    me = world.customers[customer]
    walks = design.numbers[0].walks
    if walks == 1.0 or not events.all[me.event].kind & SWEEP:
        return False
    if me.again < 0:
        me.again = _times(walks, world.state)
    never: bool = me.again == 0
    return never


@inlined
def _think(design: Design, events: Events, world: World, customer: int) -> None:
    """Before its next acquisition; before a walk that is done several times, a part each time."""
    me = world.customers[customer]
    event = events.all[me.event]
    ns = np.float64(event.think)
    next_ = SKIPS if skips(design, events, world, customer) else THINKS
    if me.again > 0:
        ns /= max(1.0, design.numbers[0].walks)
    if event.kind & SLEEP:
        me.next = next_
        world.state[0].running -= 1
        put(world.sleep, world.state[0].now + ns, customer)
    else:
        work(world, customer, next_, ns)


@inlined
def _end_of_hold(design: Design, events: Events, world: World, customer: int, length: int) -> None:
    """The customer gives back what it holds, and goes on with its chain or ends."""
    me = world.customers[customer]
    kind = events.all[me.event].kind
    node = signed(design.node_of_cpu[cpu_of(design, events, me.event, me.copy)])
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    ns = np.float64(events.all[me.event].hold)
    if kind & ONE_BY_ONE and me.needs - outer > 1:
        lock = lock_of(world, customer, me.got - 1)
        world.locks[lock].busy += ns * part(world, customer, outer)
        release(design, events, world, lock, node)
        if me.got < me.needs:
            if asks(design, world, customer, lock_of(world, customer, me.got), True):
                work(world, customer, HOLDS, ns * part(world, customer, outer))
            return
        if outer:
            release(design, events, world, lock_of(world, customer, 0), node)
    else:
        for number in range(me.needs):
            lock = lock_of(world, customer, number)
            if writes(design, kind, number):
                world.locks[lock].busy += ns
            release(design, events, world, lock, node)
    _count(design, events, world, customer, length)
    if me.again > 1:
        me.again -= 1
        _think(design, events, world, customer)
        return
    _follow(design, events, world, customer)


@inlined
def _count(design: Design, events: Events, world: World, customer: int, length: int) -> None:
    """What the acquisition came to."""
    me = world.customers[customer]
    state = world.state
    state[0].done += 1
    if me.waited > 0:
        state[0].contended += 1
        world.waits[me.event // length] += me.waited
    if events.all[me.event].kind & SWEEP:
        state[0].sweeps += 1
        state[0].sweep_wait += me.waited
        state[0].sweep_took += me.waited + events.all[me.event].hold
    elif design.numbers[0].choice == EMPTIEST and design.numbers[0].layout != ONE:
        count_vmas(design, events, world, customer)


@inlined
def _follow(design: Design, events: Events, world: World, customer: int) -> None:
    """The chains that begin now, then the next acquisition of its own or the end of it."""
    me = world.customers[customer]
    if events.all[me.event].kind & SPAWNS:
        _spawn(design, events, world, me.event, me.copy)
    following = signed(events.all[me.event].following)
    if following == NOTHING:
        departed(world, customer)
        return
    me.event = following
    me.again = -1
    _think(design, events, world, customer)


@compiled
def _spawn(design: Design, events: Events, world: World, event: int, copy: int) -> None:
    low = 0
    high = len(events.origin)
    while low < high:
        middle = (low + high) // 2
        if events.origin[middle] < event:
            low = middle + 1
        else:
            high = middle
    while low < len(events.origin) and events.origin[low] == event:
        begun = arrived(world, signed(events.spawned[low]), copy)
        _think(design, events, world, begun)
        low += 1


@inlined
def happens(design: Design, events: Events, world: World, customer: int, length: int) -> None:
    """What the customer was going to do is due."""
    next_ = world.customers[customer].next
    if next_ == HOLDS:
        _end_of_hold(design, events, world, customer, length)
    elif next_ == WAKES:
        wakes(design, events, world, customer)
    elif next_ == NOTICES:
        notices(design, events, world, customer)
    elif next_ == SKIPS:
        _follow(design, events, world, customer)
    else:
        if next_ == THINKS:
            need(design, events, world, customer)
        go_on(design, events, world, customer, 0.0)
