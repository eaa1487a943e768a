# SPDX-License-Identifier: GPL-2.0-or-later
"""What customers do: think, ask for locks, wait, hold, give back, and go on.

A release hands the lock over, then the chains that it begins start, then its own goes on.
"""

from __future__ import annotations

import numpy as np

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.customers import (
    HOLDS,
    RECEIVES,
    SKIPS,
    THINKS,
    WAKES,
    World,
    arrived,
    cpu_of,
    departed,
)
from immapscope.whatif.design import EMPTIEST, INVERTED, ONE, Design, random_below
from immapscope.whatif.heap import put
from immapscope.whatif.locks import left, obtained, queue, serve
from immapscope.whatif.needs import count_vmas, need
from immapscope.whatif.trace import (
    GAPS,
    NOTHING,
    ONE_BY_ONE,
    SLEEP,
    SPAWNS,
    SWEEP,
    WRITE,
    Events,
)


@inlined
def _work(world: World, customer: int, next_: int, ns: float) -> None:
    """The customer is to run for so long."""
    world.customers[customer].next = next_
    put(world.work, world.state[0].work + ns, customer)


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
        _work(world, customer, next_, ns)


@inlined
def _lock(world: World, customer: int, number: int) -> int:
    """The customer's lock of that number."""
    if world.customers[customer].sweeps:
        return signed(world.mine[customer, 0]) + number
    return signed(world.mine[customer, number])


@inlined
def _writes(design: Design, kind: int, number: int) -> bool:
    """Whether an acquisition takes its lock of that number for write."""
    if design.numbers[0].layout == INVERTED:
        return number > 0 or kind & SWEEP != 0
    return kind & WRITE != 0


@inlined
def _asks(world: World, customer: int, lock: int, write: bool) -> bool:
    """Whether it has the lock now; else it waits."""
    me = world.customers[customer]
    if obtained(world.locks, lock, write):
        me.got += 1
        return True
    me.wants_write = write
    me.asked = world.state[0].now
    world.state[0].running -= 1
    queue(world.locks, lock, customer, world.customers)
    return False


@inlined
def _go_on(design: Design, events: Events, world: World, customer: int, later: float) -> None:
    """Take the next locks, until one has to be waited for or all are there; hold after `later`."""
    me = world.customers[customer]
    event = events.all[me.event]
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    one_by_one = event.kind & ONE_BY_ONE and me.needs - outer > 1
    while me.got < me.needs and not (one_by_one and me.got > outer):
        lock = _lock(world, customer, me.got)
        if not _asks(world, customer, lock, _writes(design, event.kind, me.got)):
            return
    ns = np.float64(event.hold)
    if one_by_one:
        ns *= _part(world, customer, outer)
    _work(world, customer, HOLDS, later + ns)


@compiled
def _part(world: World, customer: int, outer: int) -> float:
    """Of its hold, that of the lock which it took last."""
    me = world.customers[customer]
    parts = 0
    for number in range(outer, me.needs):
        parts += world.parts[customer, number]
    part: float = world.parts[customer, me.got - 1] / parts
    return part


@inlined
def _release(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    """One holder less; who waits gets it, from a CPU of that node."""
    if left(world.locks, lock):
        _hand_over(design, events, world, lock, node)


@inlined
def _is_away(design: Design, events: Events, world: World, customer: int, node: int) -> int:
    """1 if the customer is on another node, else 0."""
    me = world.customers[customer]
    return 1 if design.node_of_cpu[cpu_of(design, events, me.event, me.copy)] != node else 0


@inlined
def _begins_to_wake(design: Design, events: Events, world: World, lock: int, node: int) -> bool:
    """The writer that waits longest is on its way; false where it is handed the lock."""
    state = world.state
    first = world.locks[lock].first - 1
    me = world.customers[first]
    if not me.wants_write or world.locks[lock].promised:
        return False
    away = _is_away(design, events, world, first, node)
    gap = design.gaps[away, random_below(state, GAPS)]
    if gap == 0:
        return False
    world.locks[lock].waking = 1
    me.away = away
    state[0].running += 1
    _work(world, first, WAKES, gap)
    return True


@inlined
def _wakes(design: Design, events: Events, world: World, customer: int) -> None:
    """It takes the lock, or goes on waiting if somebody was there before it."""
    state = world.state
    me = world.customers[customer]
    lock = _lock(world, customer, me.got)
    world.locks[lock].waking = 0
    if world.locks[lock].inside != 0:
        state[0].running -= 1
        if state[0].now - me.asked > design.numbers[0].patience:
            world.locks[lock].promised = 1
        return
    world.locks[lock].promised = 0
    serve(world.locks, lock, world.customers, world.found)
    state[0].handoffs += 1
    state[0].remote += me.away
    me.waited += state[0].now - me.asked
    me.got += 1
    _go_on(design, events, world, customer, 0.0)


@compiled
def _hand_over(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    state = world.state
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    if _begins_to_wake(design, events, world, lock, node):
        return
    world.locks[lock].promised = 0
    count = serve(world.locks, lock, world.customers, world.found)
    for number in range(count):
        customer = signed(world.found[number])
        me = world.customers[customer]
        away = _is_away(design, events, world, customer, node)
        gap = design.gaps[away, random_below(state, GAPS)]
        state[0].handoffs += 1
        state[0].remote += away
        state[0].running += 1
        me.waited += state[0].now - me.asked + gap
        if me.wants_write:
            world.locks[lock].busy += gap
        me.got += 1
        if me.got == me.needs or (me.got > outer and events.all[me.event].kind & ONE_BY_ONE):
            # No more is needed now, so it holds as soon as it has it.
            _go_on(design, events, world, customer, gap)
        else:
            _work(world, customer, RECEIVES, gap)


@inlined
def _end_of_hold(design: Design, events: Events, world: World, customer: int, length: int) -> None:
    """The customer gives back what it holds, and goes on with its chain or ends."""
    me = world.customers[customer]
    kind = events.all[me.event].kind
    node = signed(design.node_of_cpu[cpu_of(design, events, me.event, me.copy)])
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    ns = np.float64(events.all[me.event].hold)
    if kind & ONE_BY_ONE and me.needs - outer > 1:
        lock = _lock(world, customer, me.got - 1)
        world.locks[lock].busy += ns * _part(world, customer, outer)
        _release(design, events, world, lock, node)
        if me.got < me.needs:
            if _asks(world, customer, _lock(world, customer, me.got), True):
                _work(world, customer, HOLDS, ns * _part(world, customer, outer))
            return
        if outer:
            _release(design, events, world, _lock(world, customer, 0), node)
    else:
        for number in range(me.needs):
            lock = _lock(world, customer, number)
            if _writes(design, kind, number):
                world.locks[lock].busy += ns
            _release(design, events, world, lock, node)
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
        _wakes(design, events, world, customer)
    elif next_ == SKIPS:
        _follow(design, events, world, customer)
    else:
        if next_ == THINKS:
            need(design, events, world, customer)
        _go_on(design, events, world, customer, 0.0)
