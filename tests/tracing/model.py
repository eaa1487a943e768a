# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of probes/*.c as they use the arrays they share with the agent, step by step.

Each function is its C namesake. It yields wherever another CPU or the agent could come between two
accesses to memory; what it counts it also writes into `Truth`, by the file that it was about.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS
from immapscope.tracing.assemble import ACQUISITION, INSERT, NO_FILE, REMOVE, WAIT
from immapscope.tracing.counters import BURNED, CLAIMED, UNCLAIMED
from immapscope.tracing.counting import Counting
from tests.tracing.counted import DEVICE, REASONS, WRITER

#: Yields between two accesses to what is shared, True since a program runs.
Steps = Generator[bool, None, None]
Found = Generator[bool, None, int]
NONE: Final = -1
OPERATIONS: Final = 8
_OPERATION_OF_CHANGES = {
    0: Operation.WALK,
    1 << INSERT: Operation.INSERT,
    1 << REMOVE: Operation.REMOVE,
}


@dataclass(frozen=True, slots=True)
class File:
    """struct file_key; `number` tells files apart in the truth."""

    number: int
    generation: int = 7

    @property
    def key(self) -> bytes:
        """As the programs look it up."""
        return struct.pack("<QIIQ", self.number, DEVICE, self.generation, 0)


@dataclass(slots=True)
class Element:
    """What a lookup gives a pointer to: it may have become another key's before it is read."""

    value: int


class Index:
    """A hash of the kernel's: what is deleted is there for the next key at once."""

    def __init__(self) -> None:
        self._elements: dict[bytes, Element] = {}
        self._free: list[Element] = []

    def lookup(self, key: bytes) -> Element | None:
        return self._elements.get(key)

    def insert(self, key: bytes, value: int) -> bool:
        """False where the key is there already."""
        if key in self._elements:
            return False
        element = self._free.pop() if self._free else Element(0)
        element.value = value
        self._elements[key] = element
        return True

    def delete(self, key: bytes) -> None:
        """KeyError where it is not there: the agent deletes only what it knows to be there."""
        self._free.append(self._elements.pop(key))


@dataclass(slots=True)
class Wait:
    """struct wait; `file` is the one that the slot was of."""

    file: int | None
    sem: File
    slot: int
    node: int
    operation: Operation


@dataclass(slots=True)
class Held:
    """struct held."""

    file: int | None
    slot: int
    node: int
    trying: bool = False
    waiting_now: bool = False
    wait: Wait | None = None
    changes: int = 0


@dataclass(slots=True)
class Truth:
    """What was counted: by file (None is nobody's) and measure, and by measure alone."""

    of_files: Counter[tuple[int | None, str]] = field(default_factory=Counter)
    overall: Counter[str] = field(default_factory=Counter)


class Programs:
    """All programs of a session; `claim_early` as in `Request`."""

    def __init__(self, counting: Counting, room: int, *, claim_early: bool = False) -> None:
        self.counting = counting
        self.file_index, self.row_index = Index(), Index()
        self.waiting: dict[int, Wait] = {}
        self.held: dict[tuple[int, File], Held] = {}
        self.truth = Truth()
        self._room = room
        self.claim_early = claim_early
        cells = counting.cells
        # As what an atomic add of -1 makes of them.
        self._entered = cells["entered"].view(np.int64)

    def forget(self, index: str, key: bytes) -> None:
        """What the agent's map syscall does."""
        {"file_index": self.file_index, "row_index": self.row_index}[index].delete(key)

    @property
    def slots_in_use(self) -> set[int]:
        """The slots that something unfinished is remembered with."""
        slots = {wait.slot for wait in self.waiting.values()}
        return slots | {state.slot for state in self.held.values()}

    @property
    def running(self) -> bool:
        return bool(self.counting.control["running"][0])

    # probes/pool.c and file.c

    def advance(self, pool: str, counter: str, limit: int) -> Found:
        seen = int(self.counting.control[pool][counter][0])
        while seen < limit:
            yield True
            found = int(self.counting.control[pool][counter][0])
            if found == seen:
                self.counting.control[pool][counter] = seen + 1
                return seen
            seen = found
        return NONE

    def free_element(self, pool: str) -> Found:
        array = self.counting.files if pool == "files" else self.counting.rows
        ring = self.counting.free_files if pool == "files" else self.counting.free_rows
        number = yield from self.advance(pool, "next", len(array))
        if number != NONE:
            return number
        yield True
        position = yield from self.advance(
            pool, "taken", int(self.counting.control[pool]["given"][0])
        )
        if position == NONE:
            return NONE
        yield True
        return int(ring["value"][position % len(ring)])

    def hand_back(self, pool: str, number: int) -> Steps:
        array = self.counting.files if pool == "files" else self.counting.rows
        array["state"][number] = UNCLAIMED
        yield True
        if int(self.counting.control[pool]["next"][0]) == number + 1:
            self.counting.control[pool]["next"] = number
            return
        yield True
        array["state"][number] = BURNED

    def claim_file(self, file: File) -> Found:
        slot = yield from self.free_element("files")
        if slot == NONE:
            return NO_FILE
        files = self.counting.files
        assert files["state"][slot] == UNCLAIMED, "a slot was given while it was in use"
        assert not any(self.counting.cells[:, slot].tobytes()), "counters of another file"
        assert not files["vmas"][slot], "VMAs of another file"
        for name, value in (
            ("number", file.number),
            ("device", DEVICE),
            ("generation", file.generation),
        ):
            files[name][slot] = value
            yield True
        files["state"][slot] = CLAIMED
        yield True
        if self.file_index.insert(file.key, slot):
            return slot
        yield from self.hand_back("files", slot)
        yield True
        winner = self.file_index.lookup(file.key)
        return winner.value if winner else NO_FILE

    def slot_of(self, file: File, claims: bool) -> Found:
        found = self.file_index.lookup(file.key)
        yield True
        if found is None:
            return (yield from self.claim_file(file)) if claims else NO_FILE
        slot = found.value
        yield True
        if self.counting.files["state"][slot] != CLAIMED:
            return NO_FILE
        yield True
        number = self.counting.files["number"][slot]
        return slot if number == file.number else NO_FILE

    # probes/cell.c

    def move_entered(self, left: int, right: int, node: int, unit: int) -> Steps:
        if left == right:
            return
        self._entered[node, left, unit] -= 1
        yield True
        self._entered[node, right, unit] += 1

    def lose(self, slot: int, node: int, reason: str) -> None:
        self.counting.cells["lost"][node, slot, REASONS.index(reason)] += 1
        self.truth.overall[reason] += 1

    def enter(self, unit: int, node: int, name: str) -> None:
        self.counting.cpus["entered"][node, unit] += 1
        self.truth.overall[name] += 1

    # probes/row.c

    def claim_row(self, key: bytes, slot: int, node: int, operation: Operation) -> Found:
        coarse = node * OPERATIONS + operation.code
        row = yield from self.free_element("rows")
        if row == NONE:
            return coarse
        rows = self.counting.rows
        assert rows["state"][row] == UNCLAIMED, "a row was given while it was in use"
        assert not rows["contended"][row], "counters of another key"
        rows[row : row + 1].view(np.uint8)[:16] = np.frombuffer(key, np.uint8)
        yield True
        rows["state"][row] = CLAIMED
        yield True
        if self.row_index.insert(key, row):
            return row
        yield from self.hand_back("rows", row)
        yield True
        winner = self.row_index.lookup(key)
        return winner.value if winner else coarse

    def row_of(self, slot: int, node: int, operation: Operation) -> Found:
        key = struct.pack("<IHHBBBBI", slot, node, 0, WRITER, operation.code, Cause.MMAP.code, 1, 0)
        index = self.row_index.lookup(key)
        yield True
        row = index.value if index else (yield from self.claim_row(key, slot, node, operation))
        yield True
        yield from self.move_entered(slot, int(self.counting.rows["slot"][row]), node, WAIT)
        yield True
        return row

    def add_to_row(self, row: int, file: int | None, **counts: int) -> Steps:
        """Each a step of its own, for the file, or for nobody where the row is."""
        whose = file if self.counting.rows["slot"][row] != NO_FILE else None
        for name, count in counts.items():
            self.counting.rows[name][row] += count
            # Among the waits of a coarse row are readers', so it is told without a spin.
            told = name != "spin_ns" or self.counting.rows["spin_known"][row]
            self.truth.of_files[whose, name] += count if told else 0
            yield True

    def count_wait(self, row: int, file: int | None, ns: int) -> Steps:
        yield from self.add_to_row(row, file, contended=1, wait_ns=ns, spin_ns=ns // 2)
        bucket = int(np.searchsorted(WAIT_BUCKET_BOUNDS_NS, ns))
        self.counting.rows["buckets"][row, bucket] += 1
        whose = file if self.counting.rows["slot"][row] != NO_FILE else None
        self.truth.of_files[whose, f"bucket {bucket}"] += 1
        yield True
        longest = self.counting.rows["wait_max_ns"]
        longest[row] = max(int(longest[row]), ns)

    # probes/slowpath.c

    def enter_slow_path(self, task: int, sem: File, node: int, operation: Operation) -> Steps:
        if not self.running:
            return
        self.enter(WAIT, node, "waits entered")
        yield True
        slot = yield from self.slot_of(sem, True)
        yield True
        self._entered[node, slot, WAIT] += 1
        yield True
        old = self.waiting.get(task)
        if old:
            self.lose(old.slot, old.node, "exit_missed")
            yield True
        wait = Wait(sem.number if slot else None, sem, slot, node, operation)
        yield from self.wait_begins(task, wait)
        yield True
        if not old and len(self.waiting) >= self._room:
            self.lose(slot, node, "wait_state_full")
        else:
            self.waiting[task] = wait

    def leave_slow_path(self, task: int, sem: File, ns: int, interrupted: bool) -> Steps:
        if not self.running:
            return
        wait = self.waiting.get(task)
        yield True
        if wait is None:
            return
        if wait.sem != sem:
            self.lose(wait.slot, wait.node, "exit_missed")
        elif interrupted or not self.wait_ends(task, wait):
            row = yield from self.row_of(wait.slot, wait.node, wait.operation)
            if interrupted:
                yield from self.add_to_row(row, wait.file, interrupted=1)
            else:
                yield from self.count_wait(row, wait.file, ns)
        yield True
        del self.waiting[task]

    # probes/held.c, acquire.c and release.c

    def wait_begins(self, task: int, wait: Wait) -> Steps:
        state = self.held.get((task, wait.sem))
        if state is None:
            return
        state.waiting_now = True
        yield from self.move_entered(state.slot, wait.slot, state.node, ACQUISITION)
        yield True
        state.slot, state.file = wait.slot, wait.file

    def wait_ends(self, task: int, wait: Wait) -> bool:
        state = self.held.get((task, wait.sem))
        if state is None:
            return False
        if state.wait:
            self.lose(state.slot, state.node, "release_missed_waits")
        state.changes, state.wait, state.trying, state.waiting_now = 0, wait, False, False
        return True

    def acquire(self, task: int, sem: File, node: int, *, trying: bool = False) -> Steps:
        if not self.running:
            return
        self.enter(ACQUISITION, node, "acquisitions entered")
        yield True
        slot = yield from self.slot_of(sem, self.claim_early)
        yield True
        self._entered[node, slot, ACQUISITION] += 1
        yield True
        state = Held(sem.number if slot else None, slot, node, trying)
        old = self.held.get((task, sem))
        if old:
            self.lose(old.slot, old.node, "return_missed" if old.trying else "release_missed")
            yield True
            if old.wait:
                self.lose(old.slot, old.node, "release_missed_waits")
                yield True
        elif len(self.held) >= self._room:
            self.lose(slot, node, "state_full")
            return
        self.held[task, sem] = state

    def tried(self, task: int, sem: File, got: bool) -> Steps:
        state = self.held.get((task, sem))
        if not self.running or state is None or not state.trying:
            return
        yield True
        if got:
            state.trying = False
            return
        self.counting.cells["failed_trylocks"][state.node, state.slot] += 1
        self.truth.overall["failed_trylocks"] += 1
        yield True
        del self.held[task, sem]

    def change_tree(self, task: int, file: File, node: int, change: int) -> Steps:
        if not self.running:
            return
        state = self.held.get((task, file))
        slot = 0
        if state:
            state.changes |= 1 << change
            slot = state.slot
        yield True
        if not slot:
            slot = yield from self.slot_of(file, self.claim_early)
            yield True
        self.counting.cells["tree"][node, slot, change] += 1
        self.truth.of_files[file.number if slot else None, "tree"] += 1

    def release(self, task: int, sem: File, ns: int, hold_ns: int) -> Steps:
        state = self.held.get((task, sem))
        if not self.running or state is None:
            return
        yield True
        wait = self.waiting.get(task)
        if state.waiting_now and wait and wait.sem == sem:
            self.lose(wait.slot, wait.node, "exit_missed")
            yield True
            del self.waiting[task]
        operation = _OPERATION_OF_CHANGES.get(state.changes, Operation.ADJUST)
        if state.wait:
            row = yield from self.row_of(state.slot, state.wait.node, operation)
            right = int(self.counting.rows["slot"][row])
            yield from self.move_entered(state.slot, right, state.node, ACQUISITION)
            yield from self.add_to_row(row, state.file, acquisitions=1, hold_ns=hold_ns)
            yield from self.count_wait(row, state.file, ns)
        else:
            cells = self.counting.cells
            cells["acquired"][state.node, state.slot, operation.code] += 1
            self.truth.of_files[state.file, "acquisitions"] += 1
            if not state.waiting_now:
                cells["hold_ns"][state.node, state.slot, operation.code] += hold_ns
                self.truth.of_files[state.file, "hold_ns"] += hold_ns
        yield True
        del self.held[task, sem]
