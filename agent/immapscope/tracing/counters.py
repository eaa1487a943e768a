# SPDX-License-Identifier: GPL-2.0-or-later
"""The probes' maps as numpy sees them: the C structs of probes/*.c, mapped or copied.

A mapped array is read without a map syscall, which would make a preempting kernel skip kprobes on
that CPU (bpf_prog_active, kernel/bpf/syscall.c).
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immapscope.errors import CannotTraceError

Structs = NDArray[np.void]

#: enum lost of probes/cell.c, in its order: reason, unit.
LOSS_REASONS: tuple[tuple[str, str], ...] = (
    ("state_full", "acquisitions"),
    ("wait_state_full", "waits"),
    ("exit_missed", "waits"),
    ("release_missed", "acquisitions"),
    ("return_missed", "acquisitions"),
    ("rows_full_waits", "waits"),
    ("rows_full", "acquisitions"),
    ("stack_unreadable", "stacks"),
    ("stack_collided", "stacks"),
    ("stack_weights_full", "stacks"),
    ("release_missed_waits", "waits"),
)

POOL = np.dtype([("next", "u8"), ("taken", "u8"), ("given", "u8")])
CONTROL = np.dtype(
    [
        ("running", "u8"),
        ("files", POOL),
        ("rows", POOL),
        ("learner", "u8"),
        ("namespace_device", "u8"),
        ("namespace_inode", "u8"),
        ("places_only", "u8"),
        ("learnt", "u8"),
        ("learnt_shard", "u8"),
        ("shards", "u8"),
        ("locks_full", "u8"),
    ]
)
CPU_COUNTS = np.dtype(
    [
        ("entered", "u8", 2),
        ("boundary", "u8", 2),
        ("execs", "u8"),
        ("forks", "u8"),
        ("serial", "u8"),
        ("line", "u8"),
    ]
)
NUMBER = np.dtype([("value", "u8")])
#: enum element_state of probes/pool.c.
UNCLAIMED, CLAIMED, RETIRING, BURNED = 0, 1, 2, 3
#: NO_SHARD of probes/mapping.c: the slot of a whole mapping, where that has several trees.
NO_SHARD = (1 << 64) - 1
FILE = np.dtype(
    [
        ("number", "u8"), ("device", "u4"), ("generation", "u4"), ("shard", "u8"),
        ("state", "u8"), ("named", "u8"), ("deleted", "u8"), ("vmas", "u8"), ("vmas_known", "u8"),
        ("sweeps", "u8"), ("sweep_wait_ns", "u8"),
        ("name", "u1", 256),
    ]
)  # fmt: skip
CELL = np.dtype(
    [
        ("entered", "u8", 2), ("failed_trylocks", "u8"), ("tree", "u8", 3), ("lost", "u8", 12),
        ("acquired", "u8", 8), ("hold_ns", "u8", 8),
    ]
)  # fmt: skip
ROW = np.dtype(
    [
        ("slot", "u4"), ("node", "u2"), ("holder_node", "u2"), ("holder", "u1"),
        ("operation", "u1"), ("cause", "u1"), ("spin_known", "u1"), ("pad", "u4"),
        ("state", "u8"), ("acquisitions", "u8"), ("contended", "u8"), ("interrupted", "u8"),
        ("wait_ns", "u8"), ("spin_ns", "u8"), ("wait_max_ns", "u8"), ("hold_ns", "u8"),
        ("buckets", "u8", 32),
    ]
)  # fmt: skip
FUNCTION = np.dtype(
    [("start", "u8"), ("end", "u8"), ("operation", "u8"), ("cause", "u8"), ("priority", "u8")]
)
GRANULES = np.dtype([("four", "u2", 4)])
WAIT = np.dtype(
    [
        ("sem", "u8"), ("began", "u8"), ("queued", "u8"), ("slot", "u4"), ("stack", "i4"),
        ("node", "u2"), ("holder_node", "u2"), ("holder", "u1"), ("side", "u1"),
        ("operation", "u1"), ("cause", "u1"),
    ]
)  # fmt: skip
HELD = np.dtype(
    [
        ("since", "u8"), ("wait", WAIT), ("waited_until", "u8"), ("swept_ns", "u8"),
        ("slot", "u4"), ("node", "u2"), ("flags", "u1"), ("changes", "u1"), ("run", "u4"),
        ("stack", "i4"), ("id", "u8"), ("cpu", "u2"), ("side", "u1"), ("pad", "u1", 5),
    ]
)  # fmt: skip
#: A hold that is in the place of its task's number; free where `task` is 0.
PLACE = np.dtype([("task", "u8"), ("sem", "u8"), ("held", HELD)])
#: enum held_flags of probes/held.c.
HELD_CONTENDED = 4
STACK_KEY = np.dtype([("slot", "u4"), ("stack", "i4")])
STACK_WEIGHT = np.dtype([("waits", "u8"), ("wait_ns", "u8")])


def map_array(fd: int, dtype: np.dtype[Any], count: int) -> Structs:
    """The whole of an mmapable array of `count` structs, shared with the kernel, writable.

    The mapping lives as long as the returned array. Raises CannotTraceError.
    """
    if dtype.itemsize % 8:
        raise CannotTraceError(f"map values of {dtype.itemsize} bytes are padded by the kernel")
    length = -(-count * dtype.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE
    try:
        memory = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    except (OSError, ValueError) as error:
        raise CannotTraceError(f"cannot map {length:,} bytes of a BPF array: {error}") from error
    return np.frombuffer(memory, dtype=dtype, count=count)


def structs(values: list[bytes], dtype: np.dtype[Any]) -> Structs:
    """Values read by map syscalls, as an array of structs."""
    if values and len(values[0]) != dtype.itemsize:
        raise CannotTraceError(f"a map value has {len(values[0])} bytes, not {dtype.itemsize}")
    return np.frombuffer(b"".join(values), dtype=dtype)


@dataclass(frozen=True, slots=True)
class Counters:
    """A copy of everything counted. `cells` has shape (nodes, files); the rest is as in probes/.

    `waiting` and `held` are what was unfinished when the session closed, None while it runs.
    `recursion` is the kernel's count of skipped programs during the session, by loss reason.
    `shards`: trees of a file, 0 where none was looked at. `locks_full`: not every lock of a tree
    that was seen is remembered.
    """

    files: Structs
    cells: Structs
    rows: Structs
    cpus: Structs
    waiting: Structs | None
    held: Structs | None
    recursion: dict[str, int]
    stacks: tuple[tuple[int, tuple[str, ...], int, int], ...] = ()
    shards: int = 1
    locks_full: bool = False
