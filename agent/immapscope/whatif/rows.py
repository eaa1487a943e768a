# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of a recording as arrays of structs, and streams of them that keep pace with one another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from immapscope.errors import UsageError
from immapscope.kernel.words import Operation
from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.whatif.changes import CHANGE
from immapscope.whatif.compiled import Records
from immapscope.whatif.lives import MOST_TASKS

#: An acquisition; `wait`, `spin`, `hold` in ns, -1 for none and not known. `write`: its side.
ACQUISITION: Final = np.dtype(
    [
        ("time", "i8"), ("acquisition", "u8"), ("wait", "i8"), ("spin", "i8"), ("hold", "i8"),
        ("task", "u4"), ("slot", "u4"), ("cpu", "u2"), ("operation", "u1"), ("write", "u1"),
        ("unused", "u4"),
    ]
)  # fmt: skip
#: A fork or an exit, which has no child.
TURN: Final = np.dtype([("time", "i8"), ("task", "u4"), ("child", "u4")])

#: How far the order in the ring buffer may be from that of time, at most.
_MOMENT_NS: Final = 100_000_000

#: More files than any recorder has slots for.
_MOST_SLOTS: Final = 1 << 24

_CODES: Final = {word.label: word.code for word in Operation}


def acquisitions(recording: Recording, cpus: int) -> Iterator[Records]:
    """In the order of their releases. Raises UsageError for numbers that no kernel has."""
    columns = [
        "time_ns", "task", "cpu", "slot", "acquisition", "side", "operation", "wait_ns", "spin_ns",
        "hold_ns",
    ]  # fmt: skip
    for batch in recording.batches([Kind.ACQUISITION], columns):
        rows = np.empty(batch.num_rows, ACQUISITION)
        _plain(batch, rows)
        for name in ("wait", "spin", "hold"):
            rows[name] = _numbers(batch.column(f"{name}_ns"), -1)
        if not recording.header.spin_known:
            rows["spin"] = -1
        rows["operation"] = _codes(batch.column("operation"), _CODES)
        rows["write"] = _codes(batch.column("side"), {"write": 1})
        for name in ("cpu", "slot"):
            rows[name] = _numbers(batch.column(name), 0)
        _checked(recording, "task", rows["task"], MOST_TASKS)
        _checked(recording, "cpu", rows["cpu"], cpus)
        _checked(recording, "slot", rows["slot"], _MOST_SLOTS)
        yield rows


def named(recording: Recording) -> int:
    """How many acquisitions are of a file that has a row."""
    batches = recording.batches([Kind.ACQUISITION], ["slot"])
    return sum(int(np.count_nonzero(_numbers(batch.column("slot"), 0))) for batch in batches)


def tree_changes(recording: Recording) -> Iterator[Records]:
    """In the order of the recording."""
    columns = [
        "time_ns", "task", "acquisition", "operation", "vma", "vma_reuse", "parent_vma",
        "parent_reuse",
    ]  # fmt: skip
    for batch in recording.batches([Kind.TREE], columns):
        rows = np.empty(batch.num_rows, CHANGE)
        _plain(batch, rows)
        rows["operation"] = _codes(batch.column("operation"), _CODES)
        rows["vma"] = _numbers(batch.column("vma"), 0)
        rows["reuse"] = _numbers(batch.column("vma_reuse"), 0)
        rows["parent"] = _numbers(batch.column("parent_vma"), 0)
        rows["parent_reuse"] = _numbers(batch.column("parent_reuse"), 0)
        _checked(recording, "task", rows["task"], MOST_TASKS)
        # A VMA is an address, and 0 is none: there is nothing to replay.
        known = rows["vma"] != 0
        yield rows if known.all() else rows[known]


def turns(recording: Recording, kind: Kind) -> Iterator[Records]:
    """Forks or exits."""
    for batch in recording.batches([kind], ["time_ns", "task", "child"]):
        rows = np.empty(batch.num_rows, TURN)
        rows["time"] = _numbers(batch.column("time_ns"), 0)
        rows["task"] = _numbers(batch.column("task"), 0)
        rows["child"] = _numbers(batch.column("child"), 0)
        _checked(recording, "task", rows["task"], MOST_TASKS)
        _checked(recording, "child", rows["child"], MOST_TASKS)
        yield rows


class Ahead:
    """Batches, each of which is being read while the one before it is worked on."""

    def __init__(self, batches: Iterator[Records], pool: Executor) -> None:
        self._batches = batches
        self._pool = pool
        self._next = pool.submit(next, batches, None)

    def __iter__(self) -> Iterator[Records]:
        return self

    def __next__(self) -> Records:
        batch: Records | None = self._next.result()
        if batch is None:
            raise StopIteration
        self._next = self._pool.submit(next, self._batches, None)
        return batch


class Stream:
    """Rows in the order of time, read as far as they are asked for and given back as they are used.

    CPUs write into one ring buffer, and a moment may pass between the time that an event is said to
    have and its place there.
    """

    def __init__(self, batches: Iterator[Records], dtype: np.dtype[np.void]) -> None:
        self._batches = batches
        # One array for all batches: fresh memory costs more than what is copied into it.
        self._room: Records = np.empty(0, dtype)
        self._begin = self._end = 0

    def until(self, time_ns: int) -> Records:
        """All that are not used yet, up to that time and some further; they are good until then."""
        while self._begin == self._end or self._last <= time_ns + _MOMENT_NS:
            more = next(self._batches, None)
            if more is None:
                break
            self._append(more)
        return self._room[self._begin : self._end]

    def used(self, count: int) -> None:
        """The first `count` are done with."""
        self._begin += count

    @property
    def _last(self) -> int:
        return int(self._room["time"][self._end - 1])

    def _append(self, more: Records) -> None:
        left = self._end - self._begin
        room = self._room
        if left + len(more) > len(room):
            room = np.empty(2 * (left + len(more)), room.dtype)
        _copy(self._room, self._begin, room, 0, left)
        _copy(more, 0, room, left, len(more))
        self._room, self._begin, self._end = room, 0, left + len(more)
        time = room["time"][: self._end]
        if (time[1:] < time[:-1]).any():
            room[: self._end] = room[np.argsort(time, kind="stable")]


def _copy(source: Records, begin: int, to: Records, at: int, count: int) -> None:
    """As bytes: numpy copies structs field by field."""
    size = source.dtype.itemsize
    plain = source.view(np.uint8)[begin * size : (begin + count) * size]
    to.view(np.uint8)[at * size : (at + count) * size] = plain


def _plain(batch: pa.RecordBatch, rows: Records) -> None:
    rows["time"] = _numbers(batch.column("time_ns"), 0)
    rows["task"] = _numbers(batch.column("task"), 0)
    rows["acquisition"] = _numbers(batch.column("acquisition"), 0)


def _numbers(column: pa.Array, missing: int) -> NDArray[Any]:
    if column.null_count:
        column = column.fill_null(pa.scalar(missing, column.type))
    numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return numbers


def _codes(column: pa.DictionaryArray, codes: dict[str, int]) -> NDArray[np.uint8]:
    """0 for null and for words that have no code."""
    words = column.dictionary.to_pylist()
    of_index = np.array([codes.get(word, 0) for word in words] + [0], np.uint8)
    indices = _numbers(column.indices, len(words))
    found: NDArray[np.uint8] = of_index[indices]
    return found


def _checked(recording: Recording, name: str, numbers: NDArray[Any], limit: int) -> None:
    if len(numbers) and int(numbers.max()) >= limit:
        raise UsageError(
            f"{str(recording.path)!r} is damaged: a {name} of {int(numbers.max())} in it, "
            f"where there are at most {limit}"
        )
