# SPDX-License-Identifier: GPL-2.0-or-later
"""A session without a kernel: its counters are filled by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from immapscope.snapshot import Mode
from immapscope.tracing.counters import Counters
from immapscope.tracing.machine import Machine
from immapscope.tracing.placement import ONE_TREE
from immapscope.tracing.request import Request
from immapscope.tracing.session import Session
from immapscope.tracing.sizes import Sizes
from tests.kernel.saved import SavedKernel
from tests.synthetic import KERNEL
from tests.tracing.counted import Counted

MACHINE = Machine((0, 0, 1, 1), frozenset(range(4)))


class FakeSession:
    """What `Target` and the command line use of a `Session`.

    `learnt` is what the kernel shows of a path. `before_each` is called before every reading.
    """

    def __init__(
        self,
        counted: Counted,
        *,
        learnt: Mapping[bytes, tuple[int, int]] | None = None,
        request: Request | None = None,
        before_each: Callable[[Counted], None] = lambda counted: None,
    ) -> None:
        self.counted = counted
        self.model = SavedKernel("stock-6.12").model
        self.machine = MACHINE
        self.request = request or Request(Mode.FULL)
        self.started = datetime(2026, 6, 11, 12, 30, tzinfo=UTC)
        self.duration_ns = 0
        self.facts = replace(KERNEL, attach=self.request.attach.value, nodes=2, cpus=4)
        self.opened = self.closed = self.abandoned = False
        self.attached = (None,) * 17
        self.sizes = Sizes(4, 2)
        self.placement = ONE_TREE
        self._learnt = learnt or {}
        self._before_each = before_each

    def learn(self, path: bytes) -> tuple[int, int] | None:
        if path not in self._learnt:
            raise FileNotFoundError(2, "No such file or directory")
        return self._learnt[path]

    def open(self) -> None:
        self.opened = True

    def read(self) -> Counters:
        return self._counters(closed=False)

    def close(self) -> Counters:
        self.closed = True
        return self._counters(closed=True)

    def _counters(self, *, closed: bool) -> Counters:
        self.duration_ns += 1_000_000_000
        self._before_each(self.counted)
        return self.counted.counters(closed=closed)

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *error: object) -> None:
        self.abandoned = not self.closed

    def as_session(self) -> Session:
        """For those who ask for the real one."""
        return cast(Session, self)
