# SPDX-License-Identifier: GPL-2.0-or-later
"""What a full session of a large machine costs the agent: `python -m tests.scale`.

384 CPUs on 12 nodes, every slot and every row in use: from the counters as the kernel has them to
a snapshot, a table, JSON, and a scrape. A hundred files are changed by every node in every way, as
libraries are, the others by two nodes. Times in CPU seconds; memory is the most at once.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from immapscope.grouping import SortKey
from immapscope.kernel.words import Operation
from immapscope.outputs.render import Format, render
from immapscope.snapshot import Snapshot
from immapscope.tracing import counters as layouts
from immapscope.tracing.assemble import assemble
from immapscope.tracing.counters import Counters
from immapscope.tracing.sizes import Sizes
from tests.exporter.machines import STATUS, an_exporter
from tests.tracing.counted import CONTEXT, DEVICE, WRITER

T = TypeVar("T")

CPUS: Final = 384
NODES: Final = 12
#: Files, and shards of each.
EVERYWHERE: Final = 100
CASES: Final = ((10_000, 1), (4_096, 12), (128, 384))
OPERATIONS: Final = (Operation.INSERT, Operation.REMOVE, Operation.ADJUST, Operation.WALK)


def counted(files: int, shards: int) -> Counters:
    """Counters of that many files, each of whose trees was changed from every node."""
    slots = files * shards + 1
    sizes = Sizes(CPUS, NODES, files=slots)
    file = np.zeros(slots, layouts.FILE)
    file["state"][1:] = layouts.CLAIMED
    file["number"][1:] = 1000 + np.arange(slots - 1) // shards
    file["shard"][1:] = np.arange(slots - 1) % shards
    file["device"] = DEVICE
    name = np.frombuffer(b"libsomething.so.1", np.uint8)
    file["name"][:, : len(name)] = name
    file["named"] = 1
    cells = np.zeros((NODES, slots), layouts.CELL)
    number = np.arange(1, slots)
    everywhere = (number - 1) // shards < EVERYWHERE
    for node in range(NODES):
        here = 1 + np.nonzero(everywhere | (number % NODES == node) | (number % 7 == node))[0]
        cells["tree"][node, here] = 7
        for operation in OPERATIONS:
            cells["acquired"][node, here, operation.code] = 11
            cells["hold_ns"][node, here, operation.code] = 13_000
    rows = np.zeros(sizes.rows, layouts.ROW)
    used = len(rows)
    number = np.arange(used)
    rows["state"] = layouts.CLAIMED
    rows["slot"] = 1 + number % (slots - 1)
    rows["node"] = number // (slots - 1) % NODES
    rows["operation"] = [OPERATIONS[n % len(OPERATIONS)].code for n in number]
    rows["holder"], rows["holder_node"] = WRITER, number % NODES
    rows["contended"] = rows["acquisitions"] = 3
    rows["wait_ns"] = 5_000 + number
    rows["buckets"][:, 5] = 3
    return Counters(
        file, cells, rows, np.zeros(CPUS, layouts.CPU_COUNTS), None, None, {}, shards=shards
    )


def measured(what: str, do: Callable[[], T]) -> T:
    """Does it twice: once for the time, once for the memory."""
    began = time.process_time()
    done = do()
    spent = time.process_time() - began
    tracemalloc.start()
    do()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"  {what:<10} {spent:6.2f} s {most / 1e6:6.0f} MB")
    return done


def main() -> None:
    """Each case, step by step."""
    for files, shards in CASES:
        print(f"{CPUS} CPUs, {NODES} nodes, {files:,} files of {shards} shards")
        counters = counted(files, shards)
        layout = "single" if shards == 1 else "split"
        kernel = replace(CONTEXT.kernel, layout=layout, shards=shards, nodes=NODES, cpus=CPUS)
        context = replace(CONTEXT, kernel=kernel)
        snapshot = measured("snapshot", lambda c=counters, x=context: assemble(c, x))  # type: ignore[misc]
        for wanted, top in ((Format.TABLE, 30), (Format.JSON, None)):
            text = measured(wanted.value, lambda s=snapshot, w=wanted, t=top: shown(s, w, t))  # type: ignore[misc]
        print(f"  {'':<10} {len(text) / 1e6:.0f} MB of JSON, {len(snapshot.rows):,} rows")
        exporter = an_exporter()
        measured("scrape", lambda e=exporter, s=snapshot: e.observe(s, STATUS))  # type: ignore[misc]


def shown(snapshot: Snapshot, wanted: Format, top: int | None) -> str:
    """As `trace` prints it."""
    return render(
        snapshot, format=wanted, keys=None, sort=SortKey.WAIT, top=top, width=100, color=False,
        header=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
