# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of a lock that is given back while others wait for it; see `locks`."""

from __future__ import annotations

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.customers import NOTICES, RECEIVES, WAKES, World, cpu_of
from immapscope.whatif.design import INVERTED, Design, random_below
from immapscope.whatif.locks import LOOKS_ON, PROMISED, left, queue, serve
from immapscope.whatif.spinning import in_heap, leave_heap, stop
from immapscope.whatif.taking import go_on, lock_of, work
from immapscope.whatif.trace import ONE_BY_ONE, QUANTILES, Events


@inlined
def release(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    """One holder less; who waits gets it, from a CPU of that node."""
    world.locks[lock].left_on = node
    if left(world.locks, lock):
        _hand_over(design, events, world, lock, node)


@inlined
def _is_away(design: Design, events: Events, world: World, customer: int, node: int) -> int:
    """1 if the customer is on another node, else 0."""
    me = world.customers[customer]
    return 1 if design.node_of_cpu[cpu_of(design, events, me.event, me.copy)] != node else 0


@inlined
def _gap(design: Design, state: Records, spins: int, away: int) -> float:
    """ns that one who waits takes to be there, by chance."""
    gap: float = design.gaps[spins, away, random_below(state, QUANTILES)]
    return gap


@inlined
def _has_it(design: Design, events: Events, world: World, customer: int) -> None:
    """Its wait is over; the lock is its own already."""
    me = world.customers[customer]
    me.waited += world.state[0].now - me.asked
    me.got += 1
    go_on(design, events, world, customer, 0.0)


@inlined
def wakes(design: Design, events: Events, world: World, customer: int) -> None:
    """It takes the lock, or goes on sleeping if somebody was there before it."""
    state = world.state
    me = world.customers[customer]
    lock = lock_of(world, customer, me.got)
    world.locks[lock].waking = 0
    if world.locks[lock].inside != 0:
        promised = state[0].now - me.queued > design.numbers[0].patience
        looks_on = promised and world.locks[lock].inside < 0
        if promised:
            world.locks[lock].promised = LOOKS_ON if looks_on else PROMISED
        if not looks_on:
            state[0].running -= 1
        return
    world.locks[lock].promised = 0
    serve(world.locks, lock, world.customers, world.found)
    state[0].handoffs += 1
    state[0].remote += me.away
    _has_it(design, events, world, customer)


@inlined
def notices(design: Design, events: Events, world: World, customer: int) -> None:
    """It takes the lock, or goes on spinning, if it is not tired of that, where somebody has it."""
    lock = lock_of(world, customer, world.customers[customer].got)
    world.locks[lock].noticing = 0
    if world.locks[lock].inside != 0:
        if not in_heap(world.customers, customer):
            _sleeps(world, lock, customer)
        return
    _takes(design, events, world, lock, customer)


@inlined
def tires(design: Design, events: Events, world: World, customer: int) -> None:
    """It sleeps where the lock is not free; if it is about to see a release it waits for that."""
    lock = lock_of(world, customer, world.customers[customer].got)
    leave_heap(world, customer)
    if world.locks[lock].noticing and world.locks[lock].first_spins == customer + 1:
        return
    if world.locks[lock].inside != 0:
        _sleeps(world, lock, customer)
        return
    # As it queues it looks once more.
    _takes(design, events, world, lock, customer)


@inlined
def _sleeps(world: World, lock: int, customer: int) -> None:
    stop(world, lock, customer)
    world.state[0].running -= 1
    queue(world.locks, lock, customer, world.customers, world.state[0].now)


@inlined
def _takes(design: Design, events: Events, world: World, lock: int, customer: int) -> None:
    """One that spun takes a lock that is free."""
    stop(world, lock, customer)
    world.locks[lock].inside = -1
    left_on = signed(world.locks[lock].left_on)
    world.state[0].handoffs += 1
    world.state[0].remote += _is_away(design, events, world, customer, left_on)
    _has_it(design, events, world, customer)


@compiled
def _hand_over(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    """Has those wake and see it who wait longest, or gives it to who is promised it or reads."""
    one = world.locks[lock]
    if one.first and not one.waking and _is_handed(design, events, world, lock, node):
        return
    if not one.first_spins or one.noticing:
        return
    customer = signed(one.first_spins) - 1
    away = _is_away(design, events, world, customer, node)
    gap = _gap(design, world.state, 1, away)
    if gap > 0:
        one.noticing = 1
        work(world, customer, NOTICES, gap)
    else:
        _takes(design, events, world, lock, customer)


@compiled
def _is_handed(design: Design, events: Events, world: World, lock: int, node: int) -> bool:
    """Whether who sleeps longest has the lock now, and all readers that do; else it wakes."""
    state = world.state
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    first = signed(world.locks[lock].first) - 1
    away = _is_away(design, events, world, first, node)
    promised = signed(world.locks[lock].promised)
    looks_on = 1 if promised == LOOKS_ON else 0
    gap = _gap(design, state, looks_on, away)
    if world.customers[first].wants_write and not promised and gap > 0:
        world.locks[lock].waking = 1
        world.customers[first].away = away
        state[0].running += 1
        work(world, first, WAKES, gap)
        return False
    world.locks[lock].promised = 0
    count = serve(world.locks, lock, world.customers, world.found)
    for number in range(count):
        customer = signed(world.found[number])
        me = world.customers[customer]
        if number:
            away = _is_away(design, events, world, customer, node)
            gap = _gap(design, state, 0, away)
        state[0].handoffs += 1
        state[0].remote += away
        state[0].running += 1 - looks_on
        me.waited += state[0].now - me.asked + gap
        if me.wants_write:
            world.locks[lock].busy += gap
        me.got += 1
        if me.got == me.needs or (me.got > outer and events.all[me.event].kind & ONE_BY_ONE):
            # No more is needed now, so it holds as soon as it has it.
            go_on(design, events, world, customer, gap)
        else:
            work(world, customer, RECEIVES, gap)
    return True
