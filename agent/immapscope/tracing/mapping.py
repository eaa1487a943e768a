# SPDX-License-Identifier: GPL-2.0-or-later
"""Map a file once so that the kernel shows which inode's lock its mappings take.

stat() may name another inode than the lock belongs to (overlayfs, btrfs); vma->vm_file does not.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import stat

from immapscope.tracing.counters import Structs


def map_once(path: bytes, control: Structs) -> None:
    """Maps a page of the file while `control` says that this process teaches. Raises OSError."""
    descriptor = _opened(path)
    try:
        namespace = os.stat("/proc/self/ns/pid")
        control["namespace_device"] = namespace.st_dev
        control["namespace_inode"] = namespace.st_ino
        control["learner"] = os.getpid()
        try:
            _map(descriptor)
        finally:
            control["learner"] = 0
    finally:
        os.close(descriptor)


def _opened(path: bytes) -> int:
    # Looked at before it is opened: to open a character device may do something (a watchdog
    # starts, a tape rewinds), and to open a fifo waits for its writer.
    there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        mode = os.fstat(there).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise OSError(errno.ENODEV, "neither a regular file nor a block device")
        return os.open(f"/proc/self/fd/{there}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(there)


def _map(descriptor: int) -> None:
    # Not Python's mmap: it refuses an empty file, whose lock exists all the same.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    )  # fmt: skip
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    address = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    libc.munmap(address, mmap.PAGESIZE)
