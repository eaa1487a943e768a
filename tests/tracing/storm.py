# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks that take locks on a machine whose programs are a model, stepped in any order.

The agent's own code is interleaved with them line by line.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any, Final

from immapscope.kernel.words import Operation
from immapscope.tracing import counting, intervals, recycling
from immapscope.tracing.assemble import INSERT, REMOVE
from immapscope.tracing.counting import Counting
from tests.tracing.model import File, Programs, Steps

#: The agent's modules that programs may come in between the lines of.
_READERS: Final = frozenset(str(module.__file__) for module in (counting, intervals, recycling))
#: How often one program of a hundred is skipped by the kernel.
_SKIPPED: Final = 0.02


class Storm:
    """Tasks that wait for the locks of `files` files, more than there are slots if you like."""

    def __init__(
        self, counting: Counting, random: Random, *, files: int, tasks: int, full: bool, room: int
    ) -> None:
        self.programs = Programs(counting, room)
        self._random = random
        self._files = [File(100 + number) for number in range(files)]
        self._nodes = counting.cells.shape[0]
        self._full = full
        self._lives = [self._life(task) for task in range(tasks)]
        self._inside = [False] * tasks

    def step(self) -> None:
        """One task goes on to its next access to memory."""
        self._advance(self._random.randrange(len(self._lives)))

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def grace(self) -> None:
        """Until no program runs that runs now; others may have begun meanwhile."""
        left = {task for task, inside in enumerate(self._inside) if inside}
        while left:
            task = self._random.randrange(len(self._lives))
            self._advance(task)
            if not self._inside[task]:
                left.discard(task)

    @contextmanager
    def between_lines(self) -> Iterator[None]:
        """Steps come in between the lines of the agent's code that is called in here."""
        before = sys.gettrace()

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename not in _READERS:
                return None
            if event == "line":
                # Mostly a few accesses to memory, now and then whole programs.
                self.run(self._random.randrange(4) if self._random.random() < 0.9 else 60)
            return trace

        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _advance(self, task: int) -> None:
        self._inside[task] = next(self._lives[task])

    def _life(self, task: int) -> Generator[bool, None, None]:
        """What a task does for ever; False is yielded between programs."""
        while True:
            yield False
            file = self._a_file()
            node = self._random.randrange(self._nodes)
            if self._full:
                yield from self._lock(task, file, node)
            else:
                yield from self._wait(task, file, node)
                yield from self._seen(self._tree(task, file, node))

    def _a_file(self) -> File:
        """Mostly a hot one; hot ones change."""
        if self._random.random() < 0.02:
            self._random.shuffle(self._files)
        return self._files[min(int(self._random.expovariate(0.7)), len(self._files) - 1)]

    def _seen(self, program: Steps) -> Steps:
        """A program, unless the kernel skips it."""
        if self._random.random() >= _SKIPPED:
            yield from program
        yield False

    def _pause(self) -> Steps:
        for _ in range(int(self._random.expovariate(0.1))):
            yield False

    def _tree(self, task: int, file: File, node: int) -> Steps:
        change = self._random.choice((INSERT, REMOVE))
        return self.programs.change_tree(task, file, node, change)

    def _wait(self, task: int, file: File, node: int) -> Steps:
        operation = self._random.choice((Operation.INSERT, Operation.REMOVE, Operation.WALK))
        ns = int(self._random.lognormvariate(9, 3)) + 1
        interrupted = self._random.random() < 0.1
        yield from self._seen(self.programs.enter_slow_path(task, file, node, operation))
        yield from self._pause()
        yield from self._seen(self.programs.leave_slow_path(task, file, ns, interrupted))

    def _lock(self, task: int, file: File, node: int) -> Steps:
        trying = self._random.random() < 0.2
        yield from self._seen(self.programs.acquire(task, file, node, trying=trying))
        if trying:
            got = self._random.random() < 0.5
            yield from self._seen(self.programs.tried(task, file, got))
            if not got:
                return
        elif self._random.random() < 0.5:
            yield from self._wait(task, file, node)
        for _ in range(self._random.randrange(3)):
            yield from self._seen(self._tree(task, file, node))
        yield from self._pause()
        ns, hold_ns = (self._random.randrange(1, 1 << 20) for _ in range(2))
        yield from self._seen(self.programs.release(task, file, ns, hold_ns))
