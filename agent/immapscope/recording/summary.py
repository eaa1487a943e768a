# SPDX-License-Identifier: GPL-2.0-or-later
"""What is counted rather than recorded: from the session's counters to a header, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from immapscope.recording.header import Header, SlotCounts
from immapscope.recording.records import KINDS
from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import (
    HELD_CONTENDED,
    LOSS_REASONS,
    Counters,
    Structs,
)

_REASONS: Final = tuple(reason for reason, _ in LOSS_REASONS)


def slot_counts(counters: Counters, refused: Structs) -> dict[int, SlotCounts]:
    """By slot, those with nothing to say left out. `refused` is the kernel's, by slot."""
    cells = counters.cells
    entered = cells["entered"].sum(axis=0)
    lost = cells["lost"].sum(axis=0)
    waiting, contended, held = (_per_slot(part, len(entered)) for part in _unfinished(counters))
    files = counters.files
    found = {}
    for slot in range(len(entered)):
        counts = SlotCounts(
            entered=(int(entered[slot][0]), int(entered[slot][1])),
            in_flight=(int(held[slot]), int(waiting[slot] + contended[slot])),
            lost=_named(_REASONS, lost[slot]),
            refused=_named([kind.value for kind in KINDS], refused[slot]["records"]),
            refused_waits=int(refused[slot]["waits"]),
            vmas=int(files[slot]["vmas"]) if files[slot]["vmas_known"] else None,
            sweeps=(int(files[slot]["sweeps"]), int(files[slot]["sweep_wait_ns"])),
        )
        if counts != SlotCounts():
            found[slot] = counts
    return found


def _unfinished(counters: Counters) -> tuple[Structs | None, Structs | None, Structs | None]:
    """What waits, the holds that waited, and all holds, as the session closed."""
    held = counters.held
    contended = None if held is None else held[(held["flags"] & HELD_CONTENDED) != 0]
    return counters.waiting, contended, held


def _per_slot(structs: Structs | None, slots: int) -> list[int]:
    if structs is None:
        return [0] * slots
    counts: list[int] = np.bincount(structs["slot"], minlength=slots)[:slots].tolist()
    return counts


def _named(names: Iterable[str], counts: Structs) -> dict[str, int]:
    return {name: int(count) for name, count in zip(names, counts, strict=False) if count}


def refused_in(slots: Mapping[int, SlotCounts]) -> int:
    """Records that the ring had no room for, of every kind."""
    return sum(sum(counts.refused.values()) for counts in slots.values())


def counters_without_rows(header: Header, files: Structs) -> Counters:
    """The counters that the header tells of; what rows tell of is 0."""
    count = len(files)
    cells = np.zeros((max(header.node_of_cpu, default=0) + 1, count), layouts.CELL)
    for slot, counts in header.slots.items():
        if slot >= count:
            continue
        cells[0, slot]["entered"] = counts.entered
        for reason, lost in counts.lost.items():
            if reason in _REASONS:
                cells[0, slot]["lost"][_REASONS.index(reason)] = lost
        files[slot]["vmas"] = counts.vmas or 0
        files[slot]["vmas_known"] = counts.vmas is not None
        files[slot]["sweeps"], files[slot]["sweep_wait_ns"] = counts.sweeps
    cpus = np.zeros(1, layouts.CPU_COUNTS)
    cpus["entered"], cpus["boundary"] = header.entered, header.boundary
    cpus["execs"], cpus["forks"] = header.execs, header.forks
    held, waiting = (
        _inside(header.slots, unit, dtype) for unit, dtype in ((0, layouts.HELD), (1, layouts.WAIT))
    )
    return Counters(
        files=files,
        cells=cells,
        rows=np.zeros(0, layouts.ROW),
        cpus=cpus,
        waiting=waiting if header.complete else None,
        held=held if header.complete else None,
        recursion=dict(header.recursion),
        shards=header.kernel.shards,
        locks_full=header.locks_full,
    )


def _inside(slots: Mapping[int, SlotCounts], unit: int, dtype: np.dtype[np.void]) -> Structs:
    numbers = [slot for slot, counts in slots.items() for _ in range(counts.in_flight[unit])]
    structs = np.zeros(len(numbers), dtype)
    structs["slot"] = numbers
    return structs
