# SPDX-License-Identifier: GPL-2.0-or-later
"""`disturb_hammer.py SECONDS`: read a BPF map without a pause, and map a file in the midst of it.

While an element is copied the kernel keeps kprobe programs of that CPU from running, whoever runs
there (bpf_disable_instrumentation in bpf_map_copy_value, kernel/bpf/syscall.c). The element is as
large as one of each CPU can be, so nearly all the time goes into the copy; a task with a real-time
priority is awakened on the same CPU, and maps. Only a kernel that preempts lets it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from second_tracer import LARGE_BYTES, module

#: Of its own: the storm truncates others.
FILE = "law-visited"
_CPUS = (0, 2, 4, 6)
_POSSIBLE_AT_MOST = 64


def _hammer(cpu: int, table: int, until: float) -> None:
    from bcc.libbcc import lib  # type: ignore[import-untyped]  # bcc ships no types

    os.sched_setaffinity(0, {cpu})
    key = ctypes.c_uint32(0)
    # A lookup gives the element of each possible CPU.
    element = ctypes.create_string_buffer(LARGE_BYTES * _POSSIBLE_AT_MOST)
    while time.monotonic() < until:
        if lib.bpf_lookup_elem(table, ctypes.byref(key), element) != 0:
            raise OSError("the map could not be read")


def _visit(cpu: int, until: float) -> None:
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    with open(FILE, "rb") as file:
        while time.monotonic() < until:
            mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ).close()
            time.sleep(0.003)


if __name__ == "__main__":
    tracer = module()
    # Compiling takes longer than some storms.
    deadline = time.monotonic() + float(sys.argv[1])
    hammered = tracer["hammered"].map_fd
    with ThreadPoolExecutor(2 * len(_CPUS)) as pool:
        tasks = [pool.submit(_hammer, cpu, hammered, deadline) for cpu in _CPUS]
        tasks += [pool.submit(_visit, cpu, deadline) for cpu in _CPUS]
    for task in tasks:
        task.result()
