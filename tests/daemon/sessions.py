# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions that no child compiled: real descriptors of memory, programs that are a model."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from immapscope.kernel.words import Operation
from immapscope.tracing.handover import MAPS, Handover, Order
from immapscope.tracing.sizes import Sizes
from tests.synthetic import KERNEL
from tests.tracing.arrays import lengths, memory
from tests.tracing.model import File, Programs, Steps

PROGRAMS = 3
TASK = 1


class Machine:
    """What an Observer is made on. `now` is its monotonic clock; `grace` what runs then.

    `probes_run` is whether its programs still see changes of trees.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, rows: int) -> None:
        self.now = 1_000.0
        self.orders: list[Order] = []
        self.grace: Callable[[], None] = lambda: None
        self.probes_run = True
        self._rows = rows
        self._names: dict[int, str] = {}
        monkeypatch.setattr("immapscope.daemon.observer.take_over", self.take_over)
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr("immapscope.daemon.observer.time", clock)
        for user in ("daemon.observer", "tracing.counting"):
            monkeypatch.setattr(f"immapscope.{user}.wait_for_programs", lambda: self.grace())
        # The real one maps a file, which this machine's trees know nothing of.
        pulse = SimpleNamespace(beats=lambda: self.probes_run)
        monkeypatch.setattr("immapscope.daemon.observer.Pulse", lambda counting: pulse)
        monkeypatch.setattr("immapscope.tracing.handover.delete_element", self._delete)
        monkeypatch.setattr("immapscope.tracing.handover.remove_leftovers", lambda: ())

    def take_over(self, order: Order) -> Handover:
        self.orders.append(order)
        sizes = Sizes(cpus=2, nodes=2, files=order.files, rows=16 + self._rows)
        long = lengths(sizes)
        maps = {name: memory(name, long[name]) for name in MAPS}
        self._names = {descriptor: name for name, descriptor in maps.items()}
        programs = [(memory("program", 1), "recursion_waits") for _ in range(PROGRAMS)]
        self.session = Handover(KERNEL, True, sizes, maps, programs, [memory("link", 1)])
        self.session.counting.prepare([0, 1])
        self.programs = Programs(self.session.counting, room=16)
        return self.session

    @property
    def programs_attached(self) -> bool:
        """Whether anybody holds a program or what attaches it."""
        open_ones = (os.readlink(f"/proc/self/fd/{one}") for one in _listed())
        return any(link.startswith(("/memfd:program", "/memfd:link")) for link in open_ones)

    def let_go(self) -> None:
        """Forgets the session, and ends it where it was not."""
        if self._names:
            self.session.close()
            self._names.clear()
            del self.session, self.programs

    def _delete(self, descriptor: int, key: bytes) -> None:
        self.programs.forget(self._names[descriptor], key)

    def wait(self, file: File, ns: int = 1_000) -> None:
        """A task waits for this file's lock and gets it."""
        done(self.programs.enter_slow_path(TASK, file, 0, Operation.INSERT))
        done(self.programs.leave_slow_path(TASK, file, ns, False))


def done(program: Steps) -> None:
    """Runs it to its end."""
    for _ in program:
        pass


def descriptors() -> int:
    """How many are open."""
    return len(_listed())


def _listed() -> list[str]:
    listed = os.listdir("/proc/self/fd")
    # One was for listing them.
    return [one for one in listed if os.path.lexists(f"/proc/self/fd/{one}")]
