# SPDX-License-Identifier: GPL-2.0-or-later
"""The storms of test_causes, one after another, run as the traced COMMAND."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

#: workload -> how often each of the tasks does it.
WORKLOADS = {
    "map": 1500,
    "fixed": 1500,
    "mprotect": 500,
    "mremap": 1500,
    "fork": 60,
    "madvise": 400,
}
TASKS = 4
RECLAIM_PAGES = 4096
_RECLAIM_SECONDS = 8.0


def _together(*commands: list[str]) -> None:
    running = [subprocess.Popen(command) for command in commands]
    if any(process.wait() != 0 for process in running):
        sys.exit("a workload failed")


def _treeops(task: int, file: str, what: str, count: int) -> list[str]:
    return ["./treeops", str(2 * task), f"cause-{file}", what, str(count)]


def _reclaim() -> None:
    """Reclaim a mapped file's pages from a memory cgroup while tasks map and unmap that file."""
    group = Path("/sys/fs/cgroup/causes")
    Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+memory")
    group.mkdir(exist_ok=True)
    (group / "cgroup.procs").write_text(str(os.getpid()))
    descriptor = os.open("cause-reclaim", os.O_RDWR)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    pages = mmap.mmap(descriptor, RECLAIM_PAGES * mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    storm = [
        subprocess.Popen(_treeops(task, "reclaim", "map", 100_000_000)) for task in range(TASKS)
    ]
    until = time.monotonic() + _RECLAIM_SECONDS
    try:
        while time.monotonic() < until:
            for page in range(RECLAIM_PAGES):
                pages[page * mmap.PAGESIZE]
            try:
                (group / "memory.reclaim").write_text(str(RECLAIM_PAGES * mmap.PAGESIZE))
            except OSError:
                # EAGAIN: less was reclaimed than was asked for.
                continue
    finally:
        for process in storm:
            process.kill()
            process.wait()
    (Path("/sys/fs/cgroup/cgroup.procs")).write_text(str(os.getpid()))


def main() -> None:
    """Runs every workload."""
    for what, count in WORKLOADS.items():
        _together(*(_treeops(task, what, what, count) for task in range(TASKS)))
    truncating = [_treeops(task, "truncate", "truncate", 1500) for task in (0, 1)]
    mapping = [_treeops(task, "truncate", "map", 1500) for task in (2, 3)]
    _together(*truncating, *mapping)
    _together(["./execstorm", "16", "8", "/usr/bin/true"])
    _reclaim()


if __name__ == "__main__":
    main()
