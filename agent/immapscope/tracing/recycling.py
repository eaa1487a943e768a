# SPDX-License-Identifier: GPL-2.0-or-later
"""Slots of idle files are given back, so that a session can run for months.

Nothing is lost on the way. A file is marked: whoever looks it up from then on counts in the row
without an inode. When no program runs that saw it unmarked, and nothing that entered for it is
unfinished, its counters stand still; they are read a last time, cleared, and its slot and rows go
to the rings that `free_slot` and `free_row` of the probes take from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immapscope.tracing.assemble import ACQUISITION, NO_FILE, WAIT
from immapscope.tracing.counters import (
    BURNED,
    CLAIMED,
    LOSS_REASONS,
    RETIRING,
    Structs,
)
from immapscope.tracing.counting import Counting

Slots = NDArray[np.intp]
#: Removes a key from the index of that name.
Forget = Callable[[str, bytes], object]

_FILE_KEY_BYTES = 24
_ROW_KEY_BYTES = 16
_LOST_WAITS = [i for i, (_, unit) in enumerate(LOSS_REASONS) if unit == "waits"]
_LOST_ACQUISITIONS = [i for i, (_, unit) in enumerate(LOSS_REASONS) if unit == "acquisitions"]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How many slots are taken by files' locks and trees, and how many there are at all."""

    taken: int
    room: int

    @property
    def free(self) -> int:
        """Slots that a new file could have at once."""
        return self.room - self.taken


def distinct(slots: Slots, room: int) -> Slots:
    """Each of these once, in order, where there are `room` slots.

    np.unique would do it too, but imports numpy.ma: 2 MB of a process that is to stay small.
    """
    there = np.zeros(room, np.bool_)
    there[slots] = True
    found: Slots = np.flatnonzero(there)
    return found


class Recycling:
    """Gives slots of a running session back. `grace` returns when no program runs that ran."""

    def __init__(self, counting: Counting, grace: Callable[[], None], forget: Forget) -> None:
        self._counting = counting
        self._grace = grace
        self._forget = forget

    def occupancy(self) -> Occupancy:
        """As of now; cheap."""
        files = self._counting.used_files
        taken = int(np.count_nonzero(files["state"] == CLAIMED))
        return Occupancy(taken, len(self._counting.files) - 1)

    def tracked_files(self) -> int:
        """Files that have a slot; one of several trees may have as many and one more."""
        used = self._counting.used_files
        claimed = used[used["state"] == CLAIMED]
        return len(set(claimed[["number", "device", "generation"]].tolist()))

    def claimed(self) -> Slots:
        """The slots that a file has."""
        slots: Slots = np.flatnonzero(self._counting.used_files["state"] == CLAIMED)
        return slots

    def mark(self, slots: Slots) -> Slots:
        """Marks these and waits; returns those that have come to rest, to be read and `free`d.

        The others are unmarked again: somebody is still inside.
        """
        state = self._counting.files["state"]
        slots = distinct(slots[(slots != NO_FILE) & (state[slots] == CLAIMED)], len(state))
        state[slots] = RETIRING
        self._grace()
        resting = self._unfinished(slots) == 0
        state[slots[~resting]] = CLAIMED
        # Whoever counted the last that was unfinished may not yet have counted all that belongs
        # to it.
        self._grace()
        rested: Slots = slots[resting]
        return rested

    def free(self, slots: Slots) -> Slots:
        """Clears what `mark` brought to rest and gives it back; returns the rows that went too."""
        counting = self._counting
        used = counting.used_rows
        # With a table, since the other way is by np.unique.
        ours = np.isin(used["slot"], slots, kind="table")
        rows = np.flatnonzero((used["state"] == CLAIMED) & ours)
        for slot in slots:
            self._forget("file_index", counting.files[slot].tobytes()[:_FILE_KEY_BYTES])
        for row in rows:
            self._forget("row_index", counting.rows[row].tobytes()[:_ROW_KEY_BYTES])
        # Whoever found a number in an index before it was forgotten is gone after this.
        self._grace()
        counting.rows[rows] = 0
        counting.cells[:, slots] = 0
        counting.files[slots] = 0
        _give(counting.control["files"], counting.free_files, slots)
        _give(counting.control["rows"], counting.free_rows, rows)
        return rows

    def collect_burned(self) -> None:
        """Gives back what was handed out to a CPU that another one beat to it."""
        counting = self._counting
        files = np.flatnonzero(counting.used_files["state"] == BURNED)
        rows = np.flatnonzero(counting.used_rows["state"] == BURNED)
        counting.files[files] = 0
        counting.rows[rows] = 0
        _give(counting.control["files"], counting.free_files, files)
        _give(counting.control["rows"], counting.free_rows, rows)

    def _unfinished(self, slots: Slots) -> NDArray[np.int64]:
        """What entered for each of these files and has not been counted elsewhere."""
        counting = self._counting
        cells = counting.cells[:, slots].copy()
        used = counting.used_rows
        rows = used[used["state"] == CLAIMED]
        order = np.searchsorted(slots, rows["slot"])
        order[order == len(slots)] = 0
        ours = slots[order] == rows["slot"] if len(slots) else np.zeros(len(rows), bool)
        waits = _sum_by(order[ours], rows[ours], ("contended", "interrupted"), len(slots))
        acquisitions = _sum_by(order[ours], rows[ours], ("acquisitions",), len(slots))
        lost = cells["lost"].sum(axis=0).astype(np.int64)
        entered = cells["entered"].sum(axis=0).astype(np.int64)
        waits = entered[:, WAIT] - waits - lost[:, _LOST_WAITS].sum(axis=1)
        acquisitions = (
            entered[:, ACQUISITION]
            - acquisitions
            - cells["acquired"].sum(axis=(0, 2)).astype(np.int64)
            - cells["failed_trylocks"].sum(axis=0).astype(np.int64)
            - lost[:, _LOST_ACQUISITIONS].sum(axis=1)
        )
        unfinished: NDArray[np.int64] = np.abs(waits) + np.abs(acquisitions)
        return unfinished


def _sum_by(
    index: NDArray[np.intp], rows: Structs, fields: tuple[str, ...], length: int
) -> NDArray[np.int64]:
    sums = np.zeros(length, np.int64)
    for field in fields:
        np.add.at(sums, index, rows[field].astype(np.int64))
    return sums


def _give(pool: Structs, ring: Structs, numbers: Slots) -> None:
    """Puts numbers into the ring, then moves its end: the programs only look before the end."""
    given = int(pool["given"][0])
    ring["value"][(given + np.arange(len(numbers))) % len(ring)] = numbers
    pool["given"] = given + len(numbers)
