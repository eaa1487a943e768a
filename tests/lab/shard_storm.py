# SPDX-License-Identifier: GPL-2.0-or-later
"""The storm of test_shards, run as the traced COMMAND: known counts from known CPUs.

Prime counts, so that no sum of other counts can look right by accident.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys

#: include/uapi/linux/mman.h and asm-generic/mman-common.h; Python has no names for them.
MREMAP_MAYMOVE, MREMAP_FIXED, MAP_FIXED = 1, 2, 0x10
#: CPU -> how often it maps and unmaps the shared file, all at once.
COUNTS = {0: 211, 1: 223, 2: 227, 3: 229, 4: 233, 5: 239, 6: 241, 7: 251}
#: A parent on the first CPU has so many mappings; from the second it forks so many children.
FORKER = (0, 7)
MAPPINGS, CHILDREN = 5, 61
#: From which CPU a mapping is split how often.
SPLITTER = (3, 53)
#: A mapping made on the first CPU is moved so often from the second.
MOVER = (1, 6)
MOVES = 43
#: A file's two halves are mapped side by side, each from a CPU of its own, and the boundary between
#: them is moved up and down so often; by two tasks at once, the second with the CPUs exchanged.
HALVES = (0, 7)
BOUNDARY_ROUNDS = 101
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


def c_library() -> ctypes.CDLL:
    """The calls that Python's mmap has no names for."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    address, length, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    libc.mmap.argtypes = (address, length, number, number, number, ctypes.c_long)
    libc.mremap.argtypes = (address, length, length, number, address)
    libc.mprotect.argtypes = (address, length, number)
    libc.munmap.argtypes = (address, length)
    return libc


def room(libc: ctypes.CDLL) -> int:
    """16 pages that nothing else is mapped beside."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return int(libc.mmap(None, 16 * mmap.PAGESIZE, 0, flags, -1, 0))


def move_boundary(file: str, first: int, second: int) -> None:
    """One mapping grows as its neighbour shrinks: a change of two trees, or of one twice.

    The second posting of the split locks both trees in the order of the mappings: with both in one
    tree the task locks out itself, and two tasks with the trees exchanged lock out each other.
    """
    page = mmap.PAGESIZE
    libc = c_library()
    start = room(libc) + 2 * page
    boundary = start + 4 * page
    with open(file, "rb") as opened:
        for cpu, at, allowed in ((first, start, mmap.PROT_READ), (second, boundary, 0)):
            os.sched_setaffinity(0, {cpu})
            offset = at - start
            flags = mmap.MAP_SHARED | MAP_FIXED
            libc.mmap(at, 4 * page, allowed, flags, opened.fileno(), offset)
    for allowed in (mmap.PROT_READ, 0) * BOUNDARY_ROUNDS:
        if libc.mprotect(boundary, page, allowed) != 0:
            sys.exit(f"mprotect failed: {os.strerror(ctypes.get_errno())}")
    libc.munmap(start, 8 * page)
    os.sched_setaffinity(0, set(COUNTS))


def move_boundaries_at_once(file: str) -> None:
    """Two tasks, whose first mapping is the other's second by the tree that it is in."""
    first, second = HALVES
    other = os.fork()
    if other == 0:
        move_boundary(file, second, first)
        os._exit(0)
    move_boundary(file, first, second)
    if os.waitpid(other, 0)[1] != 0:
        sys.exit("a workload failed")


def move_elsewhere(file: str) -> None:
    """Back and forth between two places that nothing else is mapped beside."""
    page = mmap.PAGESIZE
    libc = c_library()
    reserved = room(libc)
    places = [reserved + 2 * page, reserved + 8 * page]
    home, elsewhere = MOVER
    os.sched_setaffinity(0, {home})
    with open(file, "rb") as opened:
        flags = mmap.MAP_SHARED | MAP_FIXED
        at = libc.mmap(places[0], page, mmap.PROT_READ, flags, opened.fileno(), 0)
    os.sched_setaffinity(0, {elsewhere})
    for move in range(1, MOVES + 1):
        to = places[move % 2]
        at = libc.mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to)
        if at != to:
            sys.exit(f"mremap failed: {os.strerror(ctypes.get_errno())}")
    libc.munmap(at, page)
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
    move_elsewhere("file-move")
    move_boundary("file-boundary", HALVES[0], HALVES[0])
    move_boundaries_at_once("file-boundaries")
    cpu, count = SPLITTER
    if subprocess.call(["./treeops", str(cpu), "file-split", "mprotect", str(count)]) != 0:
        sys.exit("a workload failed")
    truncate("file-truncate")
    come_and_go()


if __name__ == "__main__":
    main()
