# SPDX-License-Identifier: GPL-2.0-or-later
"""The few system calls that a process needs which holds a session's maps without its compiler."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SYS_BPF = 321
_BPF_MAP_DELETE_ELEM = 3
_HIGHEST_USEFUL = 1


class _ElementAttr(ctypes.Structure):
    """union bpf_attr of the element commands (include/uapi/linux/bpf.h)."""

    _fields_ = (
        ("map_fd", ctypes.c_uint32),
        ("key", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)


def delete_element(map_fd: int, key: bytes) -> bool:
    """Removes a key from a BPF hash; False where it was not there. Raises OSError."""
    buffer = ctypes.create_string_buffer(key, len(key))
    attr = _ElementAttr(map_fd=map_fd, key=ctypes.addressof(buffer))
    if _LIBC.syscall(_SYS_BPF, _BPF_MAP_DELETE_ELEM, ctypes.byref(attr), ctypes.sizeof(attr)) == 0:
        return True
    if ctypes.get_errno() == errno.ENOENT:
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def not_preempted() -> Iterator[bool]:
    """This thread at SCHED_FIFO, if it may; yields whether it is.

    A kernel that preempts skips kprobes on the CPU of a task that it preempted inside a map system
    call (bpf_prog_active, kernel/bpf/syscall.c). Without CAP_SYS_NICE that may happen, and then
    shows as recursion.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_HIGHEST_USEFUL))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, *before)
