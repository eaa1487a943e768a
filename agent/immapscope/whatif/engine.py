# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop.

Who thinks, holds or spins wants a CPU. While more do than there are CPUs all of them are slowed
down alike, so one clock of work done serves for all: what it shows when a customer is done is known
when it begins. Sleep, arrivals and who tires of spinning go by the wall clock. Of what happens at
one moment: arrivals before the end of sleep before tiring before work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import compiled, signed
from immapscope.whatif.customers import SKIPS, THINKS, World, arrived, world
from immapscope.whatif.design import Design
from immapscope.whatif.handing import tires
from immapscope.whatif.heap import SIZE, settle, take
from immapscope.whatif.steps import happens, skips
from immapscope.whatif.trace import Events, block_length


@compiled
def _run(
    design: Design,
    events: Events,
    world: World,
    starts: NDArray[np.float64],
    start_of: NDArray[np.int64],
    length: int,
) -> None:
    state = world.state
    cpus = design.numbers[0].cpus
    heads = len(events.head)
    started = 0
    while True:
        running = state[0].running
        rate = slower = 1.0
        if running > cpus:
            rate, slower = cpus / running, running / cpus
        due = wakes = arrives = tired = np.inf
        if world.work.counts[SIZE]:
            due = state[0].now + (world.work.items[0].due - state[0].work) * slower
        if world.sleep.counts[SIZE]:
            wakes = world.sleep.items[0].due
        if state[0].spinning:
            tired = world.customers[world.spinning[1]].tires
        if started < len(starts):
            arrives = starts[started]
        if arrives <= wakes and arrives <= due and arrives <= tired:
            if arrives == np.inf:
                return
            state[0].work += (arrives - state[0].now) * rate
            state[0].now = arrives
            chain = start_of[started]
            started += 1
            customer = arrived(world, signed(events.head[chain % heads]), chain // heads)
            never = skips(design, events, world, customer)
            world.customers[customer].next = SKIPS if never else THINKS
            happens(design, events, world, customer, length)
        elif tired <= due and tired < wakes:
            state[0].work += (tired - state[0].now) * rate
            state[0].now = tired
            tires(design, events, world, signed(world.spinning[1]))
        elif wakes <= due:
            state[0].work += (wakes - state[0].now) * rate
            state[0].now = wakes
            customer = take(world.sleep)
            settle(world.sleep)
            state[0].running += 1
            happens(design, events, world, customer, length)
        else:
            state[0].work = world.work.items[0].due
            state[0].now = due
            customer = take(world.work)
            happens(design, events, world, customer, length)
            settle(world.work)


def starts_of(events: Events, copies: int, spread_ns: float, seed: int) -> NDArray[np.float64]:
    """When the chains of `head` ask first, in whole ns as recorded: a row for each copy."""
    later = np.random.default_rng(seed).uniform(0, spread_ns, (copies, len(events.start)))
    later[0] = 0
    np.floor(later, out=later)
    starts: NDArray[np.float64] = events.start + later
    return starts


def simulate(
    design: Design, events: Events, files: int, seed: int, spread_ns: float = 0.0
) -> World:
    """The world after all chains have ended.

    `spread_ns`: the copies of a chain after the first begin up to so much later than it did.
    """
    made = world(design, events, files, seed)
    starts = starts_of(events, int(design.numbers[0]["copies"]), spread_ns, seed).ravel()
    order = np.argsort(starts, kind="stable")
    _run(design, events, made, starts[order], order, block_length(len(events.all)))
    return made
