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
from collections.abc import Iterator
from contextlib import closing, contextmanager

from immapscope.tracing.counters import Structs


def map_once(path: bytes, control: Structs) -> None:
    """Maps a page of the file while `control` says that this process teaches. Raises OSError."""
    descriptor = _opened(path)
    try:
        with teaching(control):
            _unmap(_map(descriptor))
    finally:
        os.close(descriptor)


class OwnFile:
    """A new file that nobody else knows, mapped any number of times. Raises OSError."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("immapscope", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, mmap.PAGESIZE)
        self._addresses: list[int] = []

    def map(self) -> None:
        """Once more; always the same page of it, so that no two mappings are merged."""
        self._addresses.append(_map(self._descriptor))

    def unmap(self) -> None:
        """The latest mapping."""
        _unmap(self._addresses.pop())

    def close(self) -> None:
        """Nothing of it is left."""
        while self._addresses:
            self.unmap()
        os.close(self._descriptor)


def place(cpu: int | None, times: int, control: Structs) -> list[int]:
    """The shards of that many mappings of a new file, made on this CPU (None: on any).

    Raises OSError. The process stays bound to the CPU.
    """
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    shards: list[int] = []
    with closing(OwnFile()) as file:
        control["places_only"] = 1
        try:
            with teaching(control):
                for _ in range(times):
                    file.map()
                    shards.append(int(control["learnt_shard"][0]))
        finally:
            control["places_only"] = 0
    return shards


@contextmanager
def teaching(control: Structs) -> Iterator[None]:
    """Meanwhile the programs look at what this process maps."""
    namespace = os.stat("/proc/self/ns/pid")
    control["namespace_device"] = namespace.st_dev
    control["namespace_inode"] = namespace.st_ino
    control["learner"] = os.getpid()
    try:
        yield
    finally:
        control["learner"] = 0


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


def _map(descriptor: int) -> int:
    # Not Python's mmap: it refuses an empty file, whose lock exists all the same.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    )  # fmt: skip
    address = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, 0)
    if address is None or address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(address)


def _unmap(address: int) -> None:
    libc = ctypes.CDLL(None)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    libc.munmap(address, mmap.PAGESIZE)
