# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters as the probes would have left them, filled by saying what happened to the locks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS, Mode, Snapshot
from immapscope.tracing import counters as layouts
from immapscope.tracing.assemble import ACQUISITION, INSERT, INSERT_AFTER, REMOVE, WAIT, Context
from immapscope.tracing.assemble import assemble as assemble_counters
from immapscope.tracing.counters import HELD_CONTENDED, LOSS_REASONS, Counters
from tests.synthetic import KERNEL

DEVICE: Final = 254 << 20
REASONS: Final = [reason for reason, _ in LOSS_REASONS]
WRITER, READER, UNKNOWN = 1, 2, 3
WAITING_NOW: Final = 2

CONTEXT: Final = Context(
    kernel=KERNEL,
    mode=Mode.FULL,
    started=datetime(2026, 6, 11, tzinfo=UTC),
    duration_ns=10_000_000_000,
    spin_known=True,
    tree_operations=True,
)
CONTENTION: Final = replace(CONTEXT, mode=Mode.CONTENTION)


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait for a lock, as it would be written into a row."""

    ns: int = 1_000
    spin_ns: int = 0
    holder: int = WRITER
    holder_node: int = 0
    cause: int = Cause.MMAP.code
    reader: bool = False
    interrupted: bool = False


class Counted:
    """A machine of `nodes` nodes, one CPU each, with room for `files` slots."""

    def __init__(self, *, files: int = 4, nodes: int = 2, rows: int = 256) -> None:
        self.files = np.zeros(files, layouts.FILE)
        self.cells = np.zeros((nodes, files), layouts.CELL)
        self.rows = np.zeros(rows, layouts.ROW)
        self.cpus = np.zeros(nodes, layouts.CPU_COUNTS)
        self.waiting: list[int] = []
        self.held: list[tuple[int, int]] = []
        self.recursion: dict[str, int] = {}
        self.stacks: list[tuple[int, tuple[str, ...], int, int]] = []
        self._row_of: dict[tuple[int, ...], int] = {}

    def name(
        self,
        slot: int,
        name: bytes | None = None,
        *,
        number: int | None = None,
        device: int = DEVICE,
        generation: int = 7,
        deleted: bool = False,
        vmas: int | None = None,
    ) -> None:
        """The file that has this slot."""
        file = self.files[slot]
        file["state"] = layouts.CLAIMED
        file["number"] = 1000 + slot if number is None else number
        file["device"] = device
        file["generation"] = generation
        file["deleted"] = deleted
        if name is not None:
            file["named"] = 1
            file["name"][: len(name)] = np.frombuffer(name, np.uint8)
        if vmas is not None:
            file["vmas"], file["vmas_known"] = vmas, 1

    def burn(self, slot: int, name: bytes) -> None:
        """A slot that a CPU claimed for a file which another had claimed just before."""
        self.name(slot, name)
        self.files[slot]["state"] = layouts.BURNED

    def enter(self, slot: int, node: int, unit: int) -> None:
        """An entry that is counted, and nothing else."""
        self.cpus[node]["entered"][unit] += 1
        self.cells[node, slot]["entered"][unit] += 1

    def lose(self, slot: int, node: int, reason: str) -> None:
        """What was entered has no row, for this reason."""
        self.cells[node, slot]["lost"][REASONS.index(reason)] += 1

    def free(
        self,
        slot: int,
        node: int,
        operation: Operation = Operation.INSERT,
        hold_ns: int = 500,
        *,
        entered: bool = True,
    ) -> None:
        """Acquired at once, held, released."""
        if entered:
            self.enter(slot, node, ACQUISITION)
        cell = self.cells[node, slot]
        cell["acquired"][operation.code] += 1
        cell["hold_ns"][operation.code] += hold_ns

    def fail_to_try(self, slot: int, node: int) -> None:
        """A trylock that did not get it."""
        self.enter(slot, node, ACQUISITION)
        self.cells[node, slot]["failed_trylocks"] += 1

    def waited(
        self,
        slot: int,
        node: int,
        operation: Operation | None = Operation.INSERT,
        wait: Wait = Wait(),
        *,
        hold_ns: int = 500,
        full: bool = True,
    ) -> None:
        """Waited for; where `full` also held and released, unless the wait was interrupted."""
        self.enter(slot, node, WAIT)
        row = self.rows[self._row(slot, node, operation, wait)]
        if full:
            self.enter(slot, node, ACQUISITION)
        if wait.interrupted:
            row["interrupted"] += 1
            return
        if full:
            row["acquisitions"] += 1
            row["hold_ns"] += hold_ns
        row["contended"] += 1
        row["wait_ns"] += wait.ns
        row["spin_ns"] += 0 if wait.reader else wait.spin_ns
        row["wait_max_ns"] = max(row["wait_max_ns"], wait.ns)
        row["buckets"][np.searchsorted(WAIT_BUCKET_BOUNDS_NS, wait.ns)] += 1

    def _row(self, slot: int, node: int, operation: Operation | None, wait: Wait) -> int:
        code = operation.code if operation else 0
        holder_node = wait.holder_node if wait.holder == WRITER else 0
        key = (slot, node, holder_node, wait.holder, code, wait.cause, int(not wait.reader))
        if key not in self._row_of:
            index = self._row_of[key] = len(self._row_of)
            row = self.rows[index]
            fields = "slot node holder_node holder operation cause spin_known"
            for field, value in zip(fields.split(), key, strict=True):
                row[field] = value
            row["state"] = layouts.CLAIMED
        return self._row_of[key]

    def still_waiting(self, slot: int, node: int, *, full: bool = True) -> None:
        """Waiting when the session closed."""
        self.enter(slot, node, WAIT)
        self.waiting.append(slot)
        if full:
            self.enter(slot, node, ACQUISITION)
            self.held.append((slot, WAITING_NOW))

    def still_held(self, slot: int, node: int, *, contended: bool = False) -> None:
        """Held when the session closed; `contended` if it had been waited for."""
        self.enter(slot, node, ACQUISITION)
        if contended:
            self.enter(slot, node, WAIT)
        self.held.append((slot, HELD_CONTENDED if contended else 0))

    def changed_tree(
        self, slot: int, node: int, *, inserts: int = 0, inserts_after: int = 0, removes: int = 0
    ) -> None:
        """Tree operations."""
        tree = self.cells[node, slot]["tree"]
        tree[INSERT] += inserts
        tree[INSERT_AFTER] += inserts_after
        tree[REMOVE] += removes

    def counters(self, *, closed: bool = True) -> Counters:
        """A copy, of a session that is `closed` or still runs."""
        return Counters(
            self.files.copy(),
            self.cells.copy(),
            self.rows.copy(),
            self.cpus.copy(),
            self._waiting() if closed else None,
            self._held() if closed else None,
            dict(self.recursion),
            tuple(self.stacks),
        )

    def _waiting(self) -> layouts.Structs:
        waiting = np.zeros(len(self.waiting), layouts.WAIT)
        waiting["slot"] = self.waiting
        return waiting

    def _held(self) -> layouts.Structs:
        held = np.zeros(len(self.held), layouts.HELD)
        for state, (slot, flags) in zip(held, self.held, strict=True):
            state["slot"], state["flags"] = slot, flags
        return held

    def snapshot(self, context: Context = CONTEXT, *, closed: bool = True) -> Snapshot:
        """What is made of it."""
        return assemble_counters(self.counters(closed=closed), context)
