# SPDX-License-Identifier: GPL-2.0-or-later
"""One session: everything attaches, one flag opens, at the end it closes, then maps are read.

See the conservation law in docs/accuracy.md. No map syscall is made while the flag is open.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import numpy as np

from immapscope.kernel.classes import ClassRange, class_table
from immapscope.kernel.model import KernelModel
from immapscope.kernel.symbols import Symbols
from immapscope.snapshot import Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import Counters, Structs, map_array, structs
from immapscope.tracing.leftovers import remove_leftovers
from immapscope.tracing.loader import Attached, Module
from immapscope.tracing.machine import Machine
from immapscope.tracing.mapping import map_once
from immapscope.tracing.programs import Attach, programs
from immapscope.tracing.source import TEXT_ELEMENT_BYTES, Sizes, module_text

_GRANULE = 16
_SYS_MEMBARRIER = 324
_MEMBARRIER_CMD_GLOBAL = 1
_GRACE_WITHOUT_MEMBARRIER = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure and how."""

    mode: Mode
    attach: Attach = Attach.MIXED
    tree_operations: bool = True
    folded: bool = False


class Session:
    """Compiles and attaches on construction; `open`, `read` any number of times, `close`.

    Raises CannotTraceError where a program cannot be compiled or attached.
    """

    def __init__(
        self,
        model: KernelModel,
        symbols: Symbols,
        machine: Machine,
        request: Request,
        sizes: Sizes | None = None,
    ) -> None:
        self.model = model
        self.machine = machine
        self.request = request
        self._symbols = symbols
        remove_leftovers()
        known = class_table(symbols)
        base, length = _text_span(known)
        self._sizes = (sizes or Sizes(machine.cpus, machine.nodes)).with_text(base, length)
        chosen = programs(model, request.mode, request.attach, request.tree_operations)
        text = module_text(model, request.mode, self._sizes, chosen, request.folded)
        self._module = Module(text)
        try:
            self._map_arrays()
            self._teach(known)
            self._module.attach(chosen)
        except BaseException:
            self._module.close()
            raise
        self.started = datetime.now(UTC)
        self._opened_ns = 0
        self._closed_ns: int | None = None
        self._recursion_before: dict[int, int] = {}

    def _map_arrays(self) -> None:
        sizes = self._sizes

        def array(name: str, dtype: np.dtype[np.void], count: int) -> Structs:
            return map_array(self._module.map_fd(name), dtype, count)

        self._control = array("control", layouts.CONTROL, 1)
        self._cpus = array("cpu_counts", layouts.CPU_COUNTS, sizes.cpus)
        self._nodes = array("node_of_cpu", layouts.NODE_NUMBER, sizes.cpus)
        self._files = array("files", layouts.FILE, sizes.files)
        cells = array("cells", layouts.CELL, sizes.files * sizes.nodes)
        self._cells = cells.reshape(sizes.nodes, sizes.files)
        self._rows = array("rows", layouts.ROW, sizes.rows)
        self._functions = array("functions", layouts.FUNCTION, sizes.functions)
        self._text_index = array("text_index", layouts.GRANULES, sizes.text_elements)

    def _teach(self, known: Sequence[ClassRange]) -> None:
        """Tell the programs the nodes of CPUs and the functions that they may find on stacks."""
        self._nodes["node"] = self.machine.node_of_cpu
        granules = self._text_index["four"].reshape(-1)
        # Backwards, so that of two functions in one granule the first by address stays.
        for number, one in reversed(list(enumerate(known, start=1))):
            self._functions[number] = (
                one.start, one.end, one.operation, one.cause, one.priority,
            )  # fmt: skip
            first = (one.start - self._sizes.text_base) // _GRANULE
            last = (one.end - 1 - self._sizes.text_base) // _GRANULE
            granules[first : last + 1] = number
        self._control["next_file"] = 1

    @property
    def attached(self) -> tuple[Attached, ...]:
        """The programs that run."""
        return tuple(self._module.attached)

    def learn(self, path: bytes) -> tuple[int, int] | None:
        """Device (kernel's dev_t) and number of the inode whose lock `path`'s mappings take.

        Maps the file once, before the session opens. None where nothing was seen. Raises OSError.
        """
        self._control["learnt"] = 0
        map_once(path, self._control)
        slot = int(self._control["learnt"][0])
        if slot == 0:
            return None
        return int(self._files[slot]["device"]), int(self._files[slot]["number"])

    def open(self) -> None:
        """From here on events count."""
        self._recursion_before = self._recursion()
        self.started = datetime.now(UTC)
        self._opened_ns = time.monotonic_ns()
        self._control["running"] = 1

    @property
    def duration_ns(self) -> int:
        """How long the flag has been, or was, open."""
        end = time.monotonic_ns() if self._closed_ns is None else self._closed_ns
        return end - self._opened_ns

    def read(self) -> Counters:
        """A copy of the counters: finished before entered, so that entered >= finished + lost."""
        control = self._control.copy()
        rows = self._rows[: min(int(control["next_row"][0]), len(self._rows))].copy()
        used = min(int(control["next_file"][0]), len(self._files))
        cells = self._cells[:, :used].copy()
        files = self._files[:used].copy()
        cells["entered"] = self._cells[:, :used]["entered"]
        return Counters(files, cells, rows, self._cpus.copy(), None, None, self._skipped())

    def close(self) -> Counters:
        """Closes the flag, waits until no program runs, detaches, and reads what is left."""
        self._control["running"] = 0
        self._closed_ns = time.monotonic_ns()
        _wait_for_programs()
        counted = self.read()
        waiting = structs([v for _, v in self._module.items("waiting")], layouts.WAIT)
        held = None
        if self.request.mode is Mode.FULL:
            held = structs([v for _, v in self._module.items("held")], layouts.HELD)
        stacks = self._folded_stacks() if self.request.folded else ()
        self._module.close()
        return Counters(
            counted.files, counted.cells, counted.rows, counted.cpus,
            waiting, held, counted.recursion, stacks,
        )  # fmt: skip

    def _folded_stacks(self) -> tuple[tuple[int, tuple[str, ...], int, int], ...]:
        """(file slot, frames outermost first, waits, ns) of each stack that waited."""
        lock = {path.name for path in self.model.slow_paths}
        lock |= {function.name for function in self.model.locks}
        found = []
        for key, value in self._module.items("stack_weights"):
            slot, stack = np.frombuffer(key, layouts.STACK_KEY)[0]
            waits, wait_ns = np.frombuffer(value, layouts.STACK_WEIGHT)[0]
            addresses = self._module.stack("stack_ids", int(stack))
            names = [self._symbols.name_at(address - 1) for address in addresses]
            # Inside the lock's functions are only our own programs, which the symbol list, read
            # before they were loaded, does not know.
            ours = next((i for i, name in enumerate(names) if name in lock), 0)
            found.append((int(slot), tuple(reversed(names[ours:])), int(waits), int(wait_ns)))
        return tuple(found)

    def _recursion(self) -> dict[int, int]:
        return {one.fd: _recursion_misses(one.fd) for one in self._module.attached}

    def _skipped(self) -> dict[str, int]:
        now = self._recursion()
        skipped: dict[str, int] = {}
        for one in self._module.attached:
            missed = now[one.fd] - self._recursion_before.get(one.fd, 0)
            reason = one.program.recursion_reason
            if reason is not None:
                skipped[reason] = skipped.get(reason, 0) + missed
        return skipped

    def abandon(self) -> None:
        """Detach without reading."""
        self._control["running"] = 0
        self._module.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._closed_ns is None:
            self.abandon()


def _text_span(known: Sequence[ClassRange]) -> tuple[int, int]:
    base = min(one.start for one in known) // TEXT_ELEMENT_BYTES * TEXT_ELEMENT_BYTES
    return base, max(one.end for one in known) - base


def _recursion_misses(fd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("recursion_misses:"):
            return int(line.split()[1])
    return 0


def _wait_for_programs() -> None:
    """Until every program that saw the flag open has ended: they run inside RCU read sections."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SYS_MEMBARRIER, _MEMBARRIER_CMD_GLOBAL, 0, 0) != 0:
        # Refused with nohz_full CPUs (kernel/sched/membarrier.c).
        time.sleep(_GRACE_WITHOUT_MEMBARRIER)
