# SPDX-License-Identifier: GPL-2.0-or-later
"""What `whatif` takes: `python -m tests.whatif_scale [ACQUISITIONS [FILES...]]`.

An exec storm of 384 workers on 12 nodes: each forks a child, which maps and unmaps and ends. For
each number of files a recording is made and replayed by `immapscope whatif FILE --policy node`,
which also replays it with one lock a file. Wall time and CPU time are of that process alone, memory
is the most that it had at once. What is compiled is compiled before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from immapscope.kernel.words import Operation
from immapscope.recording.rows import table
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer
from tests.whatif.made import acquired, header, operations

WORKERS: Final = 384
NODES: Final = 12
#: Acquisitions of one exec, each a mapping made or removed; as many as in the lab's storms.
PER_EXEC: Final = 32
#: Between two acquisitions of all.
STEP_NS: Final = 900
HOLD_NS: Final = 500
#: Acquisitions in a batch: whole execs of all workers.
BATCH: Final = WORKERS * PER_EXEC * 32

Rows = dict[Kind, dict[str, Any]]


def batches(acquisitions: int, files: int) -> Iterator[Rows]:
    """About so many, in the order of time."""
    for begin in range(0, acquisitions, BATCH):
        number = np.arange(begin, min(begin + BATCH, acquisitions))
        worker, turn = number % WORKERS, number // WORKERS
        generation, within = turn // PER_EXEC, turn % PER_EXEC
        child = 1000 + worker + WORKERS * (generation % 16)
        cpu = worker
        asked = number * STEP_NS
        removes = within % 2 == 1
        operation = np.where(removes, Operation.REMOVE.code, Operation.INSERT.code)
        rows = acquired(
            task=child, asked=asked, hold=np.full(len(number), HOLD_NS), cpu=cpu,
            node=cpu * NODES // WORKERS, slot=1 + (worker + turn // 2) % files,
            operation=operation,
        )  # fmt: skip
        rows["acquisition"] = number + 1
        tree = {
            "time_ns": asked, "task": child, "acquisition": number + 1,
            "operation": operations(operation),
            "vma": np.uint64(0xFFFF888000000000) + (worker * 192).astype(np.uint64),
            "vma_reuse": turn // 2,
        }  # fmt: skip
        first, last = within == 0, within == PER_EXEC - 1
        fork = {"time_ns": asked[first] - 400, "task": 1 + worker[first], "child": child[first]}
        execs = {"time_ns": asked[first] - 200, "task": child[first]}
        exits = {"time_ns": asked[last] + HOLD_NS + 100, "task": child[last]}
        yield {
            Kind.ACQUISITION: rows, Kind.TREE: tree, Kind.FORK: fork, Kind.EXEC: execs,
            Kind.EXIT: exits,
        }  # fmt: skip


def make(path: Path, acquisitions: int, files: int) -> None:
    """The recording of such a storm."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        writer = Writer(descriptor)
        for rows in batches(acquisitions, files):
            for kind, columns in rows.items():
                if len(columns["time_ns"]):
                    writer.write(kind, table(kind, columns))
        nodes = [cpu * NODES // WORKERS for cpu in range(WORKERS)]
        writer.finish(header(nodes, duration_ns=acquisitions * STEP_NS))
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Taken:
    """By one run: seconds, and bytes at most."""

    wall: float
    cpu: float
    memory: int


def replay(path: Path, *words: str) -> Taken:
    """Runs the command on a recording."""
    began = time.monotonic()
    command = [sys.executable, "-m", "immapscope", "whatif", str(path), "--policy", "node", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Taken(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def main(words: Sequence[str]) -> None:
    """One line for each number of files."""
    acquisitions = int(float(words[0])) if words else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "storm.parquet"
        make(path, BATCH, 1)
        replay(path)
        for count, files in _cases(acquisitions, [int(word) for word in words[1:]]):
            make(path, count, files)
            taken = replay(path)
            print(
                f"{count:>11,} acquisitions, {files:>5,} files: {taken.wall:6.1f} s wall, "
                f"{taken.cpu:6.1f} s CPU ({taken.cpu / count * 1e9:,.0f} ns each), "
                f"{taken.memory / 1e9:.2f} GB; file of {path.stat().st_size / 1e9:.2f} GB",
                flush=True,
            )


def _cases(acquisitions: int, files: Sequence[int]) -> Iterator[tuple[int, int]]:
    if files:
        yield from ((acquisitions, count) for count in files)
        return
    yield from ((acquisitions // part, 1) for part in (10, 3, 1))
    yield from ((acquisitions, count) for count in (100, 10_000))


if __name__ == "__main__":
    main(sys.argv[1:])
