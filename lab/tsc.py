# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the time stamp counter runs that a guest will see.

An emulated guest's counter is the host's. A kernel measures its rate at boot against a timer that
a busy host serves late: seen were guests whose clock ran 2.5 times too fast, so that time limits
in them fell due early. `tsc_early_khz=` (arch/x86/kernel/tsc.c) tells it instead.
"""

from __future__ import annotations

import ctypes
import mmap
import time

# rdtsc; shl rdx, 32; or rax, rdx; ret
_READ_COUNTER = bytes.fromhex("0f3148c1e2204809d0c3")
_SECONDS = 0.05
_ATTEMPTS = 5


def kilohertz() -> int:
    """The counter's rate on this host, to about one in a thousand."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(_READ_COUNTER)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    read = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)
    # The median: this process may be put aside between the two clocks.
    rates = sorted(_rate(read) for _ in range(_ATTEMPTS))
    return rates[_ATTEMPTS // 2]


def _rate(read: ctypes._CFunctionType) -> int:  # ctypes gives its function type no public name
    counter, began = read(), time.monotonic_ns()
    time.sleep(_SECONDS)
    ticks, passed = read() - counter, time.monotonic_ns() - began
    return int(ticks * 1_000_000 // passed)
