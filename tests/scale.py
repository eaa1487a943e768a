# SPDX-License-Identifier: GPL-2.0-or-later
"""What a full session of a large machine costs the agent: `python -m tests.scale [--write]`.

384 CPUs on 12 nodes, every slot and every row in use: from the counters as the kernel has them to
a snapshot, a table, JSON, and the metrics that a scrape is sent. A hundred files are changed by
every node in every way, as libraries are, the others by two nodes. Times in CPU seconds; memory is
the most at once.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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
from lab.pages import write
from tests.exporter.machines import STATUS, an_exporter
from tests.tracing.counted import CONTEXT, DEVICE, WRITER

T = TypeVar("T")

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/cost.md"
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


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and bytes that were in use at once."""

    seconds: float
    most_bytes: int

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.most_bytes / 1e6:.0f} MB"


@dataclass(frozen=True)
class Case:
    """So many files of so many trees each; rows and bytes of JSON that came of them."""

    files: int
    shards: int
    rows: int
    json_bytes: int
    steps: Mapping[str, Cost]


def measured(do: Callable[[], T]) -> tuple[T, Cost]:
    """Does it twice: once for the time, once for the memory."""
    began = time.process_time()
    done = do()
    spent = time.process_time() - began
    tracemalloc.start()
    do()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return done, Cost(spent, most)


def case(files: int, shards: int) -> Case:
    """Step by step."""
    counters = counted(files, shards)
    layout = "single" if shards == 1 else "split"
    kernel = replace(CONTEXT.kernel, layout=layout, shards=shards, nodes=NODES, cpus=CPUS)
    context = replace(CONTEXT, kernel=kernel)
    steps: dict[str, Cost] = {}
    snapshot, steps["snapshot"] = measured(lambda: assemble(counters, context))
    _, steps["table"] = measured(lambda: shown(snapshot, Format.TABLE, 30))
    text, steps["JSON"] = measured(lambda: shown(snapshot, Format.JSON, None))
    exporter = an_exporter()
    _, steps["metrics"] = measured(lambda: exporter.observe(snapshot, STATUS))
    return Case(files, shards, len(snapshot.rows), len(text), steps)


def table(cases: Sequence[Case]) -> Iterator[str]:
    """Markdown: a line for each case."""
    steps = tuple(cases[0].steps)
    yield f"| files | trees of each | rows | {' | '.join(steps)} | of JSON |"
    yield f"| {'---: | ' * (len(steps) + 4)}".rstrip()
    for one in cases:
        costs = " | ".join(str(one.steps[step]) for step in steps)
        yield (
            f"| {one.files:,} | {one.shards:,} | {one.rows:,} | {costs} "
            f"| {one.json_bytes / 1e6:.0f} MB |"
        )


def main(words: Sequence[str]) -> None:
    """Prints the table; --write puts it into docs/cost.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/cost.md")
    options = parser.parse_args(words)
    lines = list(table([case(files, shards) for files, shards in CASES]))
    print("\n".join(lines))
    if options.write:
        write(PAGE, {"large machine": lines})


def shown(snapshot: Snapshot, wanted: Format, top: int | None) -> str:
    """As `trace` prints it."""
    return render(
        snapshot, format=wanted, keys=None, sort=SortKey.WAIT, top=top, width=100, color=False,
        header=True,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
