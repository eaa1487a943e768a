# SPDX-License-Identifier: GPL-2.0-or-later
"""The storm of test_shards, run as the traced COMMAND: known counts from known CPUs.

Prime counts, so that no sum of other counts can look right by accident.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys

#: CPU -> how often it maps and unmaps the shared file, all at once.
COUNTS = {0: 211, 1: 223, 2: 227, 3: 229, 4: 233, 5: 239, 6: 241, 7: 251}
#: A parent on the first CPU has so many mappings; from the second it forks so many children.
FORKER = (0, 7)
MAPPINGS, CHILDREN = 5, 61
#: From which CPU a mapping is split how often.
SPLITTER = (3, 53)
TRUNCATIONS = 59
#: Files that are made, mapped once and deleted, so that the next takes the memory of the last.
PASSING = 1009


def map_at_once(file: str) -> None:
    """Every CPU of COUNTS maps the file."""
    running = [
        subprocess.Popen(["./treeops", str(cpu), file, "map", str(count)])
        for cpu, count in COUNTS.items()
    ]
    if any(process.wait() != 0 for process in running):
        sys.exit("a workload failed")


def fork_elsewhere(file: str) -> None:
    """Maps on one CPU and forks on another; the children map nothing and exit there."""
    parent, elsewhere = FORKER
    os.sched_setaffinity(0, {parent})
    with open(file, "rb") as opened:
        # Always the same page, so that no two are merged.
        maps = [
            mmap.mmap(opened.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
            for _ in range(MAPPINGS)
        ]
    os.sched_setaffinity(0, {elsewhere})
    for _ in range(CHILDREN):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    for one in maps:
        one.close()
    os.sched_setaffinity(0, set(COUNTS))


def truncate(file: str) -> None:
    """Each time a little shorter, while it is mapped once."""
    with open(file, "r+b") as opened:
        size = TRUNCATIONS + 1
        opened.truncate(size * mmap.PAGESIZE)
        with mmap.mmap(opened.fileno(), mmap.PAGESIZE):
            for pages in range(TRUNCATIONS, 0, -1):
                opened.truncate(pages * mmap.PAGESIZE)


def cpu_of_passing(number: int) -> int:
    """Neighbours in time are on different nodes."""
    return number * 3 % len(COUNTS)


def come_and_go() -> None:
    """Each file is mapped on the next CPU and gone before the next one is made."""
    for number in range(PASSING):
        os.sched_setaffinity(0, {cpu_of_passing(number)})
        with open(f"passing-{number}", "w+b") as opened:
            opened.write(bytes(mmap.PAGESIZE))
            opened.flush()
            mmap.mmap(opened.fileno(), mmap.PAGESIZE).close()
        os.unlink(f"passing-{number}")
    os.sched_setaffinity(0, set(COUNTS))


def main() -> None:
    """Runs all of it."""
    map_at_once("file-shared")
    fork_elsewhere("file-fork")
    cpu, count = SPLITTER
    if subprocess.call(["./treeops", str(cpu), "file-split", "mprotect", str(count)]) != 0:
        sys.exit("a workload failed")
    truncate("file-truncate")
    come_and_go()


if __name__ == "__main__":
    main()
