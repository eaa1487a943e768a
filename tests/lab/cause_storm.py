# SPDX-License-Identifier: GPL-2.0-or-later
"""`cause_storm.py WORKLOAD...`: the storms of test_causes, one after another, traced as COMMAND."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time

from reclaim import MADV_PAGEOUT

#: workload of treeops -> how often each of the tasks does it.
COUNTS = {
    "map": 1500,
    "fixed": 1500,
    "mprotect": 500,
    "mremap": 1500,
    "fork": 240,
    "madvise": 400,
}
WORKLOADS = (*COUNTS, "truncate", "exec", "reclaim")
TASKS = 4
RECLAIM_PAGES = 4096
_RECLAIM_SECONDS = 6.0


def _together(*commands: list[str]) -> None:
    running = [subprocess.Popen(command) for command in commands]
    if any(process.wait() != 0 for process in running):
        sys.exit("a workload failed")


def _treeops(task: int, file: str, what: str, count: int) -> list[str]:
    return ["./treeops", str(2 * task), f"cause-{file}", what, str(count)]


def _truncate() -> None:
    truncating = [_treeops(task, "truncate", "truncate", 1500) for task in (0, 1)]
    mapping = [_treeops(task, "truncate", "map", 1500) for task in (2, 3)]
    _together(*truncating, *mapping)


def _reclaim() -> None:
    """Reclaim a mapped file's pages while tasks map and unmap that file.

    MADV_PAGEOUT, because reclaim for want of memory leaves a page alone whose lock is taken
    (folio_referenced only tries it, mm/rmap.c) and so seldom waits.
    """
    descriptor = os.open("cause-reclaim", os.O_RDWR)
    pages = mmap.mmap(descriptor, RECLAIM_PAGES * mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    storm = [
        subprocess.Popen(_treeops(task, "reclaim", "map", 100_000_000)) for task in range(TASKS)
    ]
    until = time.monotonic() + _RECLAIM_SECONDS
    try:
        while time.monotonic() < until:
            for page in range(RECLAIM_PAGES):
                pages[page * mmap.PAGESIZE]
            pages.madvise(MADV_PAGEOUT)
    finally:
        for process in storm:
            process.kill()
            process.wait()


def main(names: list[str]) -> None:
    """Runs these workloads."""
    for name in names:
        if name in COUNTS:
            _together(*(_treeops(task, name, name, COUNTS[name]) for task in range(TASKS)))
        elif name == "truncate":
            _truncate()
        elif name == "exec":
            _together(["./execstorm", "16", "8", "/usr/bin/true"])
        else:
            _reclaim()


if __name__ == "__main__":
    main(sys.argv[1:])
