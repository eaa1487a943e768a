# SPDX-License-Identifier: GPL-2.0-or-later
"""The event queue: a binary heap of customers by when their next event is due."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records, inlined

_ITEM: Final = np.dtype([("due", "f8"), ("order", "i8"), ("customer", "i8")])


class Heap(NamedTuple):
    """Of two customers that are due at once the one that was put in first comes first.

    `counts`: how many are in it; whether the first of them was taken; how many ever were put in.
    """

    items: Records
    counts: NDArray[np.int64]


SIZE, VACANT, SERIAL = 0, 1, 2


def heap(most: int) -> Heap:
    """An empty one with room for `most`; memory is taken as it is used."""
    return Heap(np.empty(most + 1, _ITEM), np.zeros(3, np.int64))


@inlined
def _sink(heap: Heap, due: float, order: int, customer: int) -> None:
    """Puts it where the root was."""
    items = heap.items
    last = heap.counts[SIZE]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last:
            left, right = items[child], items[child + 1]
            # Without branches, which nothing could predict.
            child += (right.due < left.due) | ((right.due == left.due) & (right.order < left.order))
        if due < items[child].due or (due == items[child].due and order < items[child].order):
            break
        items[at].due = items[child].due
        items[at].order = items[child].order
        items[at].customer = items[child].customer
        at = child
    items[at].due = due
    items[at].order = order
    items[at].customer = customer


@inlined
def put(heap: Heap, due: float, customer: int) -> None:
    """That customer's next event is due then."""
    items = heap.items
    order = heap.counts[SERIAL]
    heap.counts[SERIAL] += 1
    if heap.counts[VACANT]:
        # Most events have one that follows: one way through the heap instead of two.
        heap.counts[VACANT] = 0
        _sink(heap, due, order, customer)
        return
    at = heap.counts[SIZE]
    heap.counts[SIZE] += 1
    while at:
        parent = (at - 1) >> 1
        if items[parent].due <= due:
            break
        items[at].due = items[parent].due
        items[at].order = items[parent].order
        items[at].customer = items[parent].customer
        at = parent
    items[at].due = due
    items[at].order = order
    items[at].customer = customer


@inlined
def settle(heap: Heap) -> None:
    """After `take`, and what was put in since: the root is the next again."""
    if heap.counts[VACANT]:
        heap.counts[VACANT] = 0
        heap.counts[SIZE] -= 1
        last = heap.counts[SIZE]
        if last:
            item = heap.items[last]
            _sink(heap, item.due, item.order, item.customer)


@inlined
def take(heap: Heap) -> int:
    """The customer who is due next, out of the heap; `settle` before its root is read again."""
    heap.counts[VACANT] = 1
    customer: int = heap.items[0].customer
    return customer
