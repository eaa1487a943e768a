# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that no kernel made: records as the ring would give them, and files with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from immapscope.kernel.words import Cause, Operation
from immapscope.recording.files import FileRows
from immapscope.recording.header import Header, SlotCounts
from immapscope.recording.records import CONTENDED, INTERRUPTED, KINDS, RECORD, Records
from immapscope.recording.rows import Rows
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer
from immapscope.snapshot import KernelFacts, Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import CLAIMED, Structs

OPENED_NS: Final = 5_000_000_000
KERNEL: Final = KernelFacts(
    release="6.12.90", layout="single", shards=1, shard_policy=None, attach="mixed", nodes=2, cpus=4
)
HEADER: Final = Header(
    kernel=KERNEL,
    mode=Mode.FULL,
    started=datetime(2026, 6, 11, 12, 30, 15, 250_000, tzinfo=UTC),
    duration_ns=2_000_000_000,
    complete=True,
    node_of_cpu=(0, 0, 1, 1),
    home_nodes={},
    spin_known=True,
)


def records(rows: Iterable[dict[str, Any]]) -> Records:
    """Each with its `kind` and what else is not 0; `time` counts from when the session opened."""
    told = list(rows)
    made = np.zeros(len(told), RECORD)
    made["length"] = RECORD.itemsize - 8
    made["stack"] = -1
    for record, row in zip(made, told, strict=True):
        for name, value in row.items():
            record[name] = KINDS.index(value) if name == "kind" else value
        record["time"] += OPENED_NS
    return made


def files(names: Sequence[bytes]) -> Structs:
    """Slots from 1 on, one for each name."""
    made = np.zeros(len(names) + 1, layouts.FILE)
    for slot, name in enumerate(names, start=1):
        made[slot]["number"], made[slot]["device"] = 1000 + slot, 254 << 20
        made[slot]["generation"], made[slot]["state"] = 7, CLAIMED
        made[slot]["named"] = 1
        made[slot]["name"][: len(name)] = np.frombuffer(name, np.uint8)
    return made


def write(
    path: Path,
    batches: Iterable[Records],
    header: Header = HEADER,
    names: Sequence[bytes] = (b"libc.so.6", b"ld-linux-x86-64.so.2"),
) -> None:
    """A recording with a footer after each batch."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        writer, rows, slots = Writer(descriptor), Rows(OPENED_NS), FileRows(lambda: files(names))
        for batch in batches:
            for kind, table in rows.tables(batch).items():
                writer.write(kind, table)
            if (changed := slots.changed()) is not None:
                writer.write(Kind.FILE, changed)
            writer.finish(header)
    finally:
        os.close(descriptor)


def storm(seed: int, count: int) -> list[dict[str, Any]]:
    """Acquisitions, waits, failures and changes as they come, of two files."""
    random = Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        kind = random.choices(
            (Kind.ACQUISITION, Kind.WAIT, Kind.FAILED_TRYLOCK, Kind.TREE, Kind.EXEC),
            (10, 1, 1, 8, 1),
        )[0]
        row: dict[str, Any] = {
            "kind": kind, "time": 1000 * number, "task": random.randrange(1, 9),
            "cpu": random.randrange(4), "node": random.randrange(2),
        }  # fmt: skip
        if kind is not Kind.EXEC:
            row |= {"slot": random.randrange(3), "id": number}
        if kind is Kind.TREE:
            row |= {"operation": random.randrange(1, 4), "wait_or_vma": random.randrange(1, 5) * 64}
        elif kind in (Kind.ACQUISITION, Kind.WAIT):
            waited = kind is Kind.WAIT or random.random() < 0.4
            row |= {
                "operation": random.choice(list(Operation)).code, "hold": random.randrange(10_000),
                "side": random.randrange(2),
            }  # fmt: skip
            if waited:
                wait = int(2 ** random.uniform(0, 41))
                row |= {
                    "wait_or_vma": wait, "spin_or_parent": random.randrange(wait + 1),
                    "holder": random.randrange(1, 4), "holder_node": random.randrange(2),
                    "cause": random.choice(list(Cause)).code, "flags": CONTENDED,
                    "stack": random.randrange(3),
                }  # fmt: skip
            if kind is Kind.WAIT and random.random() < 0.5:
                row["flags"] |= INTERRUPTED
        made.append(row)
    return made


def counted(**slot: Any) -> dict[int, SlotCounts]:
    """The header's counts, all for slot 1."""
    return {1: SlotCounts(**slot)}
