# SPDX-License-Identifier: GPL-2.0-or-later
"""python -m tests.recording_rate [ROWS]: how fast records become rows of a file, on this machine.

The records are those of an exec storm: an acquisition and a change of a tree for each mapping that
comes or goes, on a few files, with addresses that the slab uses again; one in five waited.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import numpy as np

from immapscope.recording.files import FileRows
from immapscope.recording.recorder import GROUP
from immapscope.recording.records import CONTENDED, KINDS, RECORD, Records
from immapscope.recording.rows import Rows
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer
from tests.recording.made import HEADER, files

_CPUS = 384


def storm(count: int, seed: int) -> Records:
    """So many records, half of them acquisitions."""
    random = np.random.default_rng(seed)
    made = np.zeros(count, RECORD)
    change = np.arange(count) % 2 == 0
    made["kind"] = np.where(change, KINDS.index(Kind.TREE), KINDS.index(Kind.ACQUISITION))
    made["time"] = np.cumsum(random.integers(200, 2000, count))
    made["cpu"] = np.repeat(random.integers(0, _CPUS, count // 2 + 1), 2)[:count]
    made["node"] = made["cpu"] // 32
    made["task"] = 10_000 + made["cpu"] * 7
    made["id"] = made["cpu"].astype(np.uint64) << np.uint64(48) | (
        np.arange(count, dtype=np.uint64) // np.uint64(2) + np.uint64(1)
    )
    made["slot"] = np.repeat(random.integers(1, 9, count // 2 + 1), 2)[:count]
    made["operation"] = random.integers(1, 4, count)
    made["side"] = 1
    made["hold"] = random.lognormal(7, 0.5, count)
    made["stack"] = -1
    waited = ~change & (random.random(count) < 0.2)
    made["flags"][waited] = CONTENDED
    made["stack"][waited] = random.integers(0, 200, waited.sum())
    for name, most in (("holder", 4), ("holder_node", 12), ("cause", 14)):
        made[name][waited] = random.integers(1 if name != "holder_node" else 0, most, waited.sum())
    made["wait_or_vma"][waited] = random.lognormal(10, 2, waited.sum())
    made["spin_or_parent"][waited] = made["wait_or_vma"][waited] // 2
    made["wait_or_vma"][change] = random.integers(1, 60_000, change.sum()) * 184
    made["wait_or_vma"][change] += np.uint64(0xFFFF_8880 << 32)
    return made


def main(count: int) -> None:
    """Prints rows a second and bytes a row."""
    batches = [storm(GROUP, seed) for seed in range(max(1, count // GROUP))]
    with tempfile.TemporaryFile() as file:
        writer, rows = Writer(file.fileno()), Rows(0)
        slots = FileRows(lambda: files([b"libc.so.6"] * 8))
        began, used = time.perf_counter(), time.process_time()
        for batch in batches:
            for kind, table in rows.tables(batch).items():
                writer.write(kind, table)
        if (changed := slots.changed()) is not None:
            writer.write(Kind.FILE, changed)
        writer.finish(HEADER)
        took, cpu = time.perf_counter() - began, time.process_time() - used
        written = sum(len(batch) for batch in batches)
        size = os.fstat(file.fileno()).st_size
    print(
        f"{written:,} rows in {took:.1f} s, {cpu:.1f} s of CPU: {written / cpu:,.0f} rows a "
        f"second of CPU, {size / written:.1f} bytes a row"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4 * GROUP)
