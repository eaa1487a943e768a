# SPDX-License-Identifier: GPL-2.0-or-later
"""A BPF ring buffer of records of one size, read through its mappings without a system call.

kernel/bpf/ringbuf.c: one page that the reader writes (how far it has read), one that the kernel
writes (how far it has given out), then the data, mapped twice in a row so that nothing wraps.
"""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np

from immapscope.errors import CannotTraceError
from immapscope.recording.records import RECORD, Records

#: BPF_RINGBUF_BUSY_BIT: given out, not yet written.
_BUSY: Final = 1 << 31


class Ring:
    """Reads whole records in the order in which they were given out.

    `position` and `data` stand for the two mappings in tests; see `mapped`.
    """

    def __init__(self, consumer: Any, producer: Any, data: Any, size: int) -> None:
        self._consumer = np.frombuffer(consumer, np.uint64, 1)
        self._producer = np.frombuffer(producer, np.uint64, 1)
        self._data = data
        self._size = size

    @classmethod
    def mapped(cls, fd: int, size: int) -> Ring:
        """The ring of `size` bytes behind a map's descriptor. Raises CannotTraceError."""
        page = mmap.PAGESIZE
        try:
            consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            rest = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        except (OSError, ValueError) as error:
            raise CannotTraceError(f"cannot map the ring buffer: {error}") from error
        return cls(consumer, rest, memoryview(rest)[page:], size)

    def waiting(self) -> int:
        """Records that were given out and not read."""
        return (int(self._producer[0]) - int(self._consumer[0])) // RECORD.itemsize

    def read(self, most: int) -> Records:
        """A copy of at most so many records, and their room is the kernel's again."""
        at = int(self._consumer[0])
        count = min(most, self.waiting())
        if not count:
            return np.empty(0, RECORD)
        records = np.frombuffer(self._data, RECORD, count, at & (self._size - 1))
        busy = np.flatnonzero(records["length"] & _BUSY)
        whole = records[: busy[0] if len(busy) else count].copy()
        self._consumer[0] = at + len(whole) * RECORD.itemsize
        return whole
