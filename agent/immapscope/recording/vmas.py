# SPDX-License-Identifier: GPL-2.0-or-later
"""Telling VMAs apart whose addresses are the same: the slab gives what was freed to the next one.

A VMA's identity is its address and how many before it stood in a tree at that address. Taken out
and put back in one hold it is the same (vma_prepare() and vma_complete() in mm/vma.c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of trees in the order in which they happened; all arrays have one length.

    `parent`: the VMA that it is put behind, 0 where there is none. `removes`: it is taken out, else
    put in. `hold`: the acquisition that it happened in.
    """

    vma: Numbers
    parent: Numbers
    removes: NDArray[np.bool_]
    hold: Numbers


class Identities:
    """Counts the uses of each address, over any number of batches."""

    def __init__(self) -> None:
        self._address = np.empty(0, np.uint64)
        self._uses = np.empty(0, np.uint32)
        self._removed_in = np.empty(0, np.uint64)

    def number(self, changes: Changes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """How many VMAs before it had the address of each `vma`, and of each `parent`.

        A hold of 0 is not known, so it is no hold that anything was put back in.
        """
        count = len(changes.vma)
        with_parent = np.flatnonzero(changes.parent)
        # A parent is only looked at, just before its child's own change.
        address = np.concatenate([changes.vma, changes.parent[with_parent]])
        when = np.concatenate([np.arange(count) * 2 + 1, with_parent * 2])
        removes = np.concatenate([changes.removes, np.zeros(len(with_parent), bool)])
        puts = np.concatenate([~changes.removes, np.zeros(len(with_parent), bool)])
        hold = np.concatenate([changes.hold, np.zeros(len(with_parent), np.uint64)])

        order = np.lexsort((when, address))
        address, removes, puts, hold = address[order], removes[order], puts[order], hold[order]
        first = np.flatnonzero(np.r_[True, address[1:] != address[:-1]][: len(address)])
        group = np.zeros(len(address), np.intp)
        group[first[1:]] = 1
        group = np.cumsum(group)

        known, uses_before, removed_before = self._look_up(address[first])
        # The hold of the last removal before each event, 0 where something came after it.
        changed = removes | puts
        last = _last_before(changed, first)
        removed_in = np.where(removes, hold, np.uint64(0))
        left_in = np.where(last >= 0, removed_in[last], removed_before[group])
        seen = np.where(last >= 0, True, known[group])
        # What was only looked at so far was in a tree before anything was recorded.
        looked_at = np.arange(len(address)) > first[group]
        put_back = (hold != 0) & (left_in == hold)
        new = puts & (seen | looked_at) & ~put_back

        grown = np.cumsum(new)
        at_first = (grown - new)[first]
        uses = (uses_before[group] + grown - at_first[group]).astype(np.uint32)
        self._keep(address, first, uses, _final(removed_in, changed, first, removed_before))

        unsorted = np.empty(len(order), np.uint32)
        unsorted[order] = uses
        of_parent = np.zeros(count, np.uint32)
        of_parent[with_parent] = unsorted[count:]
        return unsorted[:count], of_parent

    def _look_up(self, address: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.int64], Numbers]:
        at = np.searchsorted(self._address, address)
        inside = np.minimum(at, max(len(self._address) - 1, 0))
        if not len(self._address):
            none = np.zeros(len(address), np.int64)
            return none.astype(bool), none, none.astype(np.uint64)
        known = self._address[inside] == address
        uses = np.where(known, self._uses[inside], 0).astype(np.int64)
        removed = np.where(known, self._removed_in[inside], np.uint64(0))
        return known, uses, removed

    def _keep(
        self,
        address: Numbers,
        first: NDArray[np.intp],
        uses: NDArray[np.uint32],
        removed_in: Numbers,
    ) -> None:
        ends = np.r_[first[1:], len(address)] - 1 if len(first) else first
        latest = address[first]
        kept = ~np.isin(self._address, latest, assume_unique=True)
        merged = np.concatenate([self._address[kept], latest])
        order = np.argsort(merged, kind="stable")
        self._address = merged[order]
        self._uses = np.concatenate([self._uses[kept], uses[ends]])[order]
        self._removed_in = np.concatenate([self._removed_in[kept], removed_in])[order]


def _last_before(changed: NDArray[np.bool_], first: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each event the index of the last change before it in its group, -1 where none is."""
    count = len(changed)
    index = np.where(changed, np.arange(count), -1)
    before = np.empty(count, np.intp)
    if count:
        before[0] = -1
        before[1:] = np.maximum.accumulate(index)[:-1]
    start = np.zeros(count, np.intp)
    start[first] = first
    start = np.maximum.accumulate(start) if count else start
    return np.where(before >= start, before, -1)


def _final(
    removed_in: Numbers, changed: NDArray[np.bool_], first: NDArray[np.intp], before: Numbers
) -> Numbers:
    """The hold that each group's last change took the VMA out in, 0 if it put it in."""
    count = len(changed)
    index = np.where(changed, np.arange(count), -1)
    ends = np.r_[first[1:], count] - 1 if len(first) else first
    last = np.maximum.accumulate(index)[ends] if count else ends
    return np.where(last >= first, removed_in[last], before)
