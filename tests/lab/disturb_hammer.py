# SPDX-License-Identifier: GPL-2.0-or-later
"""`disturb_hammer.py SECONDS`: look up a large element of a BPF map without a pause.

While it copies, the kernel keeps programs of the same CPU from running (bpf_disable_instrumentation
in bpf_map_copy_value, kernel/bpf/syscall.c): whoever preempts it there is not probed. The element
is as large as one of each CPU can be, so nearly all the time goes into the copy.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time

from second_tracer import LARGE_BYTES, module

_CPUS_AT_MOST = 64


def _hammer(table: int, until: float) -> None:
    from bcc.libbcc import lib  # type: ignore[import-untyped]  # bcc ships no types

    key = ctypes.c_uint32(0)
    # A lookup gives the element of each possible CPU.
    element = ctypes.create_string_buffer(LARGE_BYTES * _CPUS_AT_MOST)
    while time.monotonic() < until:
        if lib.bpf_lookup_elem(table, ctypes.byref(key), element) != 0:
            # Of a thread no exception would end the process with a status.
            os._exit(1)


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[1])
    tracer = module()
    words = (tracer["hammered"].map_fd, deadline)
    hammers = [threading.Thread(target=_hammer, args=words) for _ in range(4)]
    for hammer in hammers:
        hammer.start()
    for hammer in hammers:
        hammer.join()
