# SPDX-License-Identifier: GPL-2.0-or-later
"""One session: everything attaches, one flag opens, at the end it closes, then maps are read.

See the conservation law in docs/accuracy.md. No map syscall is made while the flag is open.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from immapscope.errors import CannotTraceError
from immapscope.kernel.classes import class_table
from immapscope.kernel.model import KernelModel
from immapscope.kernel.symbols import Symbols
from immapscope.snapshot import KernelFacts, Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import Counters, Structs, map_array, structs
from immapscope.tracing.counting import Counting
from immapscope.tracing.leftovers import remove_leftovers
from immapscope.tracing.loader import Attached, Module
from immapscope.tracing.machine import Machine
from immapscope.tracing.placement import Placement
from immapscope.tracing.programs import programs
from immapscope.tracing.request import Request
from immapscope.tracing.sizes import Sizes
from immapscope.tracing.source import module_text
from immapscope.tracing.text_index import mark_functions, text_span
from immapscope.tracing.watching import learnt


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
        model = learnt(model, machine, request.attach)
        self.model = model
        self.machine = machine
        self.request = request
        self._symbols = symbols
        if model.has_tree_locks and not request.tree_operations:
            raise CannotTraceError(
                f"tree operations cannot be turned off here: in layout {model.layout} it is by "
                "them that trees' locks become known; set tree_operations to true"
            )
        remove_leftovers()
        known = class_table(symbols)
        base, length = text_span(known)
        self.sizes = (sizes or Sizes(machine.cpus, machine.nodes)).with_text(base, length)
        chosen = programs(
            model, request.mode, request.attach, request.tree_operations, request.recorded
        )
        self.module = Module(module_text(model, self.sizes, chosen, request))
        try:
            self.counting = Counting(self.module.map_fd, self.sizes)
            self.counting.prepare(machine.node_of_cpu)
            functions = self._array("functions", layouts.FUNCTION, self.sizes.functions)
            granules = self._array("text_index", layouts.GRANULES, self.sizes.text_elements)
            mark_functions(known, base, functions, granules)
            self.module.attach(chosen)
        except BaseException:
            self.module.close()
            raise

    def _array(self, name: str, dtype: np.dtype[np.void], count: int) -> Structs:
        return map_array(self.module.map_fd(name), dtype, count)

    @property
    def attached(self) -> tuple[Attached, ...]:
        """The programs that run."""
        return tuple(self.module.attached)

    @property
    def facts(self) -> KernelFacts:
        """What was traced and how."""
        return KernelFacts(
            release=self.model.release,
            layout=self.model.layout.value,
            shards=1,
            shard_policy=None,
            attach=self.request.attach.value,
            nodes=self.machine.populated_nodes,
            cpus=self.machine.online,
            learnt_from=self.model.learnt_from,
        )

    @property
    def placement(self) -> Placement:
        """How VMAs get their shard, where a file has several trees; known once it opened."""
        return self.counting.placement

    def learn(self, path: bytes) -> tuple[int, int] | None:
        """Device (kernel's dev_t) and number of the inode whose lock `path`'s mappings take.

        Maps the file once, before the session opens. None where nothing was seen. Raises OSError.
        """
        return self.counting.learn(path)

    def open(self) -> None:
        """From here on events count."""
        if self.model.trees is not None:
            self.counting.learn_placement(self.machine.online_cpus)
        self.counting.open(self.module.watched())

    @property
    def started(self) -> datetime:
        """When the flag opened."""
        return self.counting.started

    @property
    def duration_ns(self) -> int:
        """How long the flag has been, or was, open."""
        return self.counting.duration_ns

    def read(self) -> Counters:
        """A copy of the counters: finished before entered, so that entered >= finished + lost."""
        return self.counting.read()

    def stop(self) -> None:
        """Closes the flag and waits until no program runs."""
        if not self.counting.closed:
            self.counting.close()

    def close(self) -> Counters:
        """Stops, reads what is left, and detaches."""
        self.stop()
        counted = self.counting.read()
        waiting = structs([v for _, v in self.module.items("waiting")], layouts.WAIT)
        held = None
        if self.request.mode is Mode.FULL:
            held = self._held()
        stacks = self._folded_stacks() if self.request.folded else ()
        self.module.close()
        return replace(counted, waiting=waiting, held=held, stacks=stacks)

    def _held(self) -> Structs:
        """What was held as the session closed, in its task's place or elsewhere."""
        places = self._array("places", layouts.PLACE, self.sizes.held)
        elsewhere = structs([v for _, v in self.module.items("held")], layouts.HELD)
        return np.concatenate([places["held"][places["task"] != 0], elsewhere])

    def _folded_stacks(self) -> tuple[tuple[int, tuple[str, ...], int, int], ...]:
        """(file slot, frames outermost first, waits, ns) of each stack that waited."""
        found = []
        for key, value in self.module.items("stack_weights"):
            slot, stack = np.frombuffer(key, layouts.STACK_KEY)[0]
            waits, wait_ns = np.frombuffer(value, layouts.STACK_WEIGHT)[0]
            frames = self.frames(int(stack))
            found.append((int(slot), frames, int(waits), int(wait_ns)))
        return tuple(found)

    def frames(self, stack: int) -> tuple[str, ...]:
        """The functions of a recorded stack, outermost first; only once the session stopped."""
        lock = {path.name for path in self.model.slow_paths}
        lock |= {function.name for function in self.model.locks}
        addresses = self.module.stack("stack_ids", stack)
        names = [self._symbols.name_at(address - 1) for address in addresses]
        # Inside the lock's functions are only our own programs, which the symbol list, read
        # before they were loaded, does not know.
        ours = next((i for i, name in enumerate(names) if name in lock), 0)
        return tuple(reversed(names[ours:]))

    def abandon(self) -> None:
        """Detach without reading."""
        self.counting.control["running"] = 0
        self.module.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.counting.closed:
            self.abandon()
