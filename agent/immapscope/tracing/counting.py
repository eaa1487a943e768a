# SPDX-License-Identifier: GPL-2.0-or-later
"""The mapped arrays of a session that runs: opening it, reading it, closing it.

Whoever compiled the programs may be gone: file descriptors are all that is needed. No map syscall
is made here, since one makes a preempting kernel skip kprobes on its CPU.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import Counters, Structs, map_array
from immapscope.tracing.mapping import map_once, place
from immapscope.tracing.placement import ONE_TREE, observe
from immapscope.tracing.sizes import OPERATIONS, Sizes

_SYS_MEMBARRIER = 324
_MEMBARRIER_CMD_GLOBAL = 1
_GRACE_WITHOUT_MEMBARRIER = 0.2

#: The maps that a session is read through.
MAPPED = (
    "control", "cpu_counts", "node_of_cpu", "files", "free_files", "cells", "rows", "free_rows",
)  # fmt: skip


#: A program's file descriptor, and the loss reason of what the kernel skips of it.
Watched = tuple[int, str | None]


class Counting:
    """The counters of a session whose maps `map_fd` gives the file descriptors of."""

    def __init__(self, map_fd: Callable[[str], int], sizes: Sizes) -> None:
        def array(name: str, dtype: np.dtype[np.void], count: int) -> Structs:
            return map_array(map_fd(name), dtype, count)

        self.control = array("control", layouts.CONTROL, 1)
        self.cpus = array("cpu_counts", layouts.CPU_COUNTS, sizes.cpus)
        self.nodes = array("node_of_cpu", layouts.NUMBER, sizes.cpus)
        self.files = array("files", layouts.FILE, sizes.files)
        self.free_files = array("free_files", layouts.NUMBER, sizes.files)
        cells = array("cells", layouts.CELL, sizes.files * sizes.nodes)
        self.cells = cells.reshape(sizes.nodes, sizes.files)
        self.rows = array("rows", layouts.ROW, sizes.rows)
        self.free_rows = array("free_rows", layouts.NUMBER, sizes.rows)
        self.started = datetime.now(UTC)
        #: By which policy this kernel places VMAs, once `learn_placement` has seen it.
        self.placement = ONE_TREE
        self._sizes = sizes
        self._programs: Sequence[Watched] = ()
        self._skipped_before: Mapping[int, int] = {}
        self._opened_ns = 0
        self._closed_ns: int | None = None

    def prepare(self, node_of_cpu: Sequence[int]) -> None:
        """Tell the programs the nodes of CPUs; slot 0 and the coarse rows are of no file."""
        self.nodes["value"] = node_of_cpu
        self.control["files"]["next"] = 1
        self.control["rows"]["next"] = self._sizes.coarse_rows
        coarse = self.rows[: self._sizes.coarse_rows]
        coarse["node"] = np.arange(len(coarse)) // OPERATIONS
        coarse["operation"] = np.arange(len(coarse)) % OPERATIONS
        coarse["state"] = layouts.CLAIMED

    def learn(self, path: bytes) -> tuple[int, int] | None:
        """Device (kernel's dev_t) and number of the inode whose lock `path`'s mappings take.

        Maps the file once, before the session opens. None where nothing was seen. Raises OSError.
        """
        self.control["learnt"] = 0
        map_once(path, self.control)
        slot = int(self.control["learnt"][0])
        if slot == 0:
            return None
        return int(self.files[slot]["device"]), int(self.files[slot]["number"])

    def learn_placement(self, online_cpus: Iterable[int]) -> None:
        """Where a file has several trees: how many, and by which policy VMAs get theirs.

        Maps files of its own, before the session opens.
        """

        def place_here(cpu: int | None, times: int) -> list[int]:
            return place(cpu, times, self.control)

        with suppress(OSError):
            place_here(None, 1)
        shards = int(self.control["shards"][0])
        self.placement = observe(place_here, online_cpus, self.nodes["value"].tolist(), shards)

    def open(self, programs: Sequence[Watched]) -> None:
        """From here on events count, and so does what the kernel skips of these programs."""
        self._programs = programs
        self._skipped_before = self._skips()
        self.started = datetime.now(UTC)
        self._opened_ns = time.monotonic_ns()
        self.control["running"] = 1

    def close(self) -> None:
        """No event counts any more; returns when no program runs that saw the flag open."""
        self.control["running"] = 0
        self._closed_ns = time.monotonic_ns()
        wait_for_programs()

    @property
    def closed(self) -> bool:
        """Whether the session was opened and closed."""
        return self._closed_ns is not None

    @property
    def opened_ns(self) -> int:
        """When the flag opened, of CLOCK_MONOTONIC."""
        return self._opened_ns

    @property
    def duration_ns(self) -> int:
        """How long the flag has been, or was, open."""
        end = time.monotonic_ns() if self._closed_ns is None else self._closed_ns
        return end - self._opened_ns

    @property
    def used_files(self) -> Structs:
        """The slots that were ever handed out: what is beyond them never becomes resident."""
        return self.files[: int(self.control["files"]["next"][0])]

    @property
    def used_rows(self) -> Structs:
        """The rows that were ever handed out."""
        return self.rows[: int(self.control["rows"]["next"][0])]

    def read(self) -> Counters:
        """A copy of the counters: finished before entered, so that entered >= finished + lost."""
        used_rows = self.used_rows
        # Its bucket is the last that is counted of a wait: no wait is told of before all of it is.
        whole = used_rows["buckets"].sum(axis=1)
        rows = used_rows.copy()
        rows["contended"] = np.minimum(rows["contended"], whole)
        # After the rows, so that none of them is of a file beyond these.
        used = len(self.used_files)
        cells = self.cells[:, :used].copy()
        cells["entered"] = self.cells[:, :used]["entered"]
        # After the cells, so that none has counts that seem to be of no file.
        files = self.files[:used].copy()
        return Counters(
            files, cells, rows, self.cpus.copy(), None, None, self._skipped(),
            shards=int(self.control["shards"][0]),
            locks_full=bool(self.control["locks_full"][0]),
        )  # fmt: skip

    def _skips(self) -> dict[int, int]:
        return {fd: _recursion_misses(fd) for fd, _ in self._programs}

    def _skipped(self) -> dict[str, int]:
        now = self._skips()
        skipped: dict[str, int] = {}
        for fd, reason in self._programs:
            if reason is not None:
                missed = now[fd] - self._skipped_before.get(fd, 0)
                skipped[reason] = skipped.get(reason, 0) + missed
        return skipped


def _recursion_misses(fd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("recursion_misses:"):
            return int(line.split()[1])
    return 0


def wait_for_programs() -> None:
    """Until every program that runs now has ended: they run inside RCU read sections."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SYS_MEMBARRIER, _MEMBARRIER_CMD_GLOBAL, 0, 0) != 0:
        # Refused with nohz_full CPUs (kernel/sched/membarrier.c).
        time.sleep(_GRACE_WITHOUT_MEMBARRIER)
