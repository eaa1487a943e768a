# SPDX-License-Identifier: GPL-2.0-or-later
"""The ring is read in order, around its end, and never past a record that is being written."""

from __future__ import annotations

import numpy as np
import pytest

from immapscope.recording.records import RECORD
from immapscope.recording.ring import Ring

SIZE = 1024
ROOM = SIZE // RECORD.itemsize
BUSY = 1 << 31


class Kernel:
    """The other side: memory that is mapped twice in a row."""

    def __init__(self) -> None:
        self.consumer, self.producer = bytearray(8), bytearray(8)
        self.data = bytearray(2 * SIZE)
        self.ring = Ring(self.consumer, self.producer, self.data, SIZE)
        self.given = 0

    def put(self, identity: int, busy: bool = False) -> None:
        record = np.zeros(1, RECORD)
        record["length"] = (RECORD.itemsize - 8) | (BUSY if busy else 0)
        record["id"] = identity
        for index, byte in enumerate(record.tobytes()):
            at = (self.given + index) % SIZE
            self.data[at] = self.data[at + SIZE] = byte
        self.given += RECORD.itemsize
        self.producer[:] = self.given.to_bytes(8, "little")

    def commit(self, number: int) -> None:
        """The record that was given out as the `number`-th is written now."""
        at = number * RECORD.itemsize % SIZE + 3
        for place in (at % SIZE, at % SIZE + SIZE):
            self.data[place] &= 0x7F


def test_records_come_in_order_around_the_end() -> None:
    kernel, read = Kernel(), []
    for first in range(0, 50, 5):
        for identity in range(first, first + 5):
            kernel.put(identity)
        read += kernel.ring.read(ROOM)["id"].tolist()
    assert read == list(range(50))
    assert int.from_bytes(kernel.consumer, "little") == kernel.given


def test_what_is_being_written_is_waited_for() -> None:
    kernel = Kernel()
    kernel.put(0)
    kernel.put(1, busy=True)
    kernel.put(2)
    assert kernel.ring.read(ROOM)["id"].tolist() == [0]
    assert kernel.ring.read(ROOM)["id"].tolist() == []
    kernel.commit(1)
    assert kernel.ring.read(ROOM)["id"].tolist() == [1, 2]


@pytest.mark.parametrize("most", [1, 2, ROOM])
def test_no_more_than_asked_for_is_read(most: int) -> None:
    kernel = Kernel()
    for identity in range(ROOM):
        kernel.put(identity)
    assert len(kernel.ring.read(most)) == most
    assert kernel.ring.waiting() == ROOM - most


def test_what_was_read_stays_when_its_room_is_used_again() -> None:
    kernel = Kernel()
    kernel.put(1)
    read = kernel.ring.read(ROOM)
    for identity in range(2, 2 + ROOM):
        kernel.put(identity)
    assert read["id"].tolist() == [1]
