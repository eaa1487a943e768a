# SPDX-License-Identifier: GPL-2.0-or-later
"""Which locks an acquisition takes in a design, and what it does to the trees."""

from __future__ import annotations

from immapscope.whatif.compiled import compiled, inlined, signed
from immapscope.whatif.customers import MOST_LOCKS, World, cpu_of
from immapscope.whatif.design import (
    EACH,
    INVERTED,
    ONE,
    UNKNOWN,
    Design,
    hash_in_copy,
    tree_for_new,
    tree_for_old,
)
from immapscope.whatif.trace import (
    COPY,
    NEW,
    ONE_BY_ONE,
    STAYS,
    SWEEP,
    VMA_MASK,
    WHAT_SHIFT,
    Events,
)


@inlined
def vma_of(events: Events, event: int, number: int) -> int:
    """One of the VMAs that an event concerns, with what becomes of it."""
    at = signed(events.all[event].vmas)
    return at if events.all[event].count == 1 else signed(events.vmas[at + number])


@inlined
def need(design: Design, events: Events, world: World, customer: int) -> None:
    """Tells the customer which locks its acquisition takes; new VMAs get their trees."""
    me = world.customers[customer]
    event = me.event
    first = signed(events.all[event].file) * design.numbers[0].locks
    me.got = 0
    me.waited = 0.0
    me.sweeps = 0
    me.needs = 1
    world.mine[customer, 0] = first
    if design.numbers[0].layout != ONE:
        _need_trees(design, events, world, customer, first)


@compiled
def _need_trees(design: Design, events: Events, world: World, customer: int, first: int) -> None:
    me = world.customers[customer]
    event = me.event
    layout = design.numbers[0].layout
    if events.all[event].kind & SWEEP:
        if layout == EACH:
            me.sweeps = 1
            me.needs = design.numbers[0].trees
        return
    needs = outer = 1 if layout == INVERTED else 0
    first += outer
    tree = 0
    for number in range(events.all[event].count):
        tree = _tree(design, events, world, customer, vma_of(events, event, number), first, tree)
        needs = _with(events, world, customer, outer, needs, first + tree)
    if needs == outer:
        world.state[0].drawn += 1
        tree = tree_for_old(design, world.state)
        needs = _with(events, world, customer, outer, needs, first + tree)
    for number in range(outer, needs):
        world.locks[world.mine[customer, number]].taken += 1
    me.needs = needs


@inlined
def _tree(
    design: Design, events: Events, world: World, customer: int, entry: int, first: int, before: int
) -> int:
    """The tree of a VMA; `before`: that of the VMA before it in the same acquisition."""
    event = world.customers[customer].event
    copy = signed(world.customers[customer].copy)
    vma = entry & VMA_MASK
    what = entry >> WHAT_SHIFT
    place = vma + copy * len(events.address)
    if what == NEW:
        cpu = cpu_of(design, events, event, copy)
        hashed = hash_in_copy(signed(events.address[vma]), copy)
        tree = tree_for_new(design, world.locks, first, cpu, hashed)
    elif what == COPY:
        tree = before
    else:
        tree = signed(world.tree_of_vma[place])
        if tree != UNKNOWN:
            return tree
        tree = tree_for_old(design, world.state)
        world.state[0].drawn += 1
        world.locks[first + tree].vmas += 1
    world.tree_of_vma[place] = tree
    return tree


@inlined
def _with(events: Events, world: World, customer: int, outer: int, needs: int, lock: int) -> int:
    """One lock more, if it is not among them: how many. One by one: if it is not the last."""
    mine = world.mine[customer]
    parts = world.parts[customer]
    at = needs
    if events.all[world.customers[customer].event].kind & ONE_BY_ONE:
        if needs > outer and (mine[needs - 1] == lock or needs == MOST_LOCKS):
            parts[needs - 1] += 1
            return needs
    else:
        while at > outer and mine[at - 1] > lock:
            at -= 1
        if needs == MOST_LOCKS or (at > outer and mine[at - 1] == lock):
            return needs
        for number in range(needs, at, -1):
            mine[number] = mine[number - 1]
    mine[at] = lock
    parts[at] = 1
    return needs + 1


@compiled
def count_vmas(design: Design, events: Events, world: World, customer: int) -> None:
    """The trees' VMAs, after the customer's change."""
    event = world.customers[customer].event
    numbers = design.numbers[0]
    first = signed(events.all[event].file) * numbers.locks
    if numbers.layout == INVERTED:
        first += 1
    skip = signed(world.customers[customer].copy) * len(events.address)
    for number in range(events.all[event].count):
        entry = vma_of(events, event, number)
        what = entry >> WHAT_SHIFT
        if what != STAYS:
            tree = signed(world.tree_of_vma[(entry & VMA_MASK) + skip])
            world.locks[first + tree].vmas += 1 if what in (NEW, COPY) else -1
