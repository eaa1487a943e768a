# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of a lock that is given back while others wait for it; see `locks`."""

from __future__ import annotations

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.customers import RECEIVES, WAKES, World, cpu_of
from immapscope.whatif.design import INVERTED, Design, random_below
from immapscope.whatif.locks import left, serve
from immapscope.whatif.taking import go_on, lock_of, work
from immapscope.whatif.trace import GAPS, ONE_BY_ONE, Events


@inlined
def release(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    """One holder less; who waits gets it, from a CPU of that node."""
    if left(world.locks, lock):
        _hand_over(design, events, world, lock, node)


@inlined
def _is_away(design: Design, events: Events, world: World, customer: int, node: int) -> int:
    """1 if the customer is on another node, else 0."""
    me = world.customers[customer]
    return 1 if design.node_of_cpu[cpu_of(design, events, me.event, me.copy)] != node else 0


@inlined
def _gap(design: Design, state: Records, away: int) -> float:
    """ns that one who waits takes to be there, by chance."""
    gap: float = design.gaps[away, random_below(state, GAPS)]
    return gap


@inlined
def wakes(design: Design, events: Events, world: World, customer: int) -> None:
    """It takes the lock, or goes on waiting if somebody was there before it."""
    state = world.state
    me = world.customers[customer]
    lock = lock_of(world, customer, me.got)
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
    go_on(design, events, world, customer, 0.0)


@compiled
def _hand_over(design: Design, events: Events, world: World, lock: int, node: int) -> None:
    """Has the writer that waits longest wake, or gives it the lock, or all readers that wait."""
    state = world.state
    outer = 1 if design.numbers[0].layout == INVERTED else 0
    first = signed(world.locks[lock].first) - 1
    away = _is_away(design, events, world, first, node)
    gap = _gap(design, state, away)
    if world.customers[first].wants_write and not world.locks[lock].promised and gap > 0:
        world.locks[lock].waking = 1
        world.customers[first].away = away
        state[0].running += 1
        work(world, first, WAKES, gap)
        return
    world.locks[lock].promised = 0
    count = serve(world.locks, lock, world.customers, world.found)
    for number in range(count):
        customer = signed(world.found[number])
        me = world.customers[customer]
        if number:
            away = _is_away(design, events, world, customer, node)
            gap = _gap(design, state, away)
        state[0].handoffs += 1
        state[0].remote += away
        state[0].running += 1
        me.waited += state[0].now - me.asked + gap
        if me.wants_write:
            world.locks[lock].busy += gap
        me.got += 1
        if me.got == me.needs or (me.got > outer and events.all[me.event].kind & ONE_BY_ONE):
            # No more is needed now, so it holds as soon as it has it.
            go_on(design, events, world, customer, gap)
        else:
            work(world, customer, RECEIVES, gap)
