# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines for the command line to run on: sessions that no kernel made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Protocol

from immapscope.preflight import Kernel, Verdict
from immapscope.tracing.request import Request
from immapscope.tracing.sizes import Sizes
from tests.kernel.saved import SavedKernel
from tests.tracing.counted import Counted, Wait
from tests.tracing.fakes import MACHINE, FakeSession


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]


@dataclass
class Traced:
    """A machine on which tracing works: what happens on it, and what was asked of the session."""

    counted: Counted
    sessions: list[FakeSession]
    sizes: list[Sizes]
    before_each: Callable[[Counted], None] = lambda counted: None

    @property
    def session(self) -> FakeSession:
        """The only one."""
        (session,) = self.sessions
        return session


class Patch(Protocol):
    """Puts another thing where this name leads; pytest's monkeypatch is one."""

    def setattr(self, target: str, name: object, /) -> None: ...


class ForGood:
    """For a Python of its own, which need not load pytest: nothing is put back."""

    def setattr(self, target: str, name: object, /) -> None:
        where, _, attribute = target.rpartition(".")
        setattr(resolve_name(where), attribute, name)


def traceable(monkeypatch: Patch) -> Traced:
    """From here on this machine can be traced; libc and the loader were waited for on it."""
    counted = Counted(files=200)
    counted.name(1, b"libc.so.6")
    counted.name(2, b"ld-linux-x86-64.so.2")
    counted.waited(1, 0, wait=Wait(ns=30_000, spin_ns=20_000))
    counted.waited(2, 1, wait=Wait(ns=20_000))
    counted.free(1, 0)
    traced = Traced(counted, [], [])
    saved = SavedKernel("stock-6.12")

    def session(_: Any, __: Any, ___: Any, request: Request, sizes: Sizes) -> FakeSession:
        made = FakeSession(counted, request=request, before_each=traced.before_each)
        traced.sessions.append(made)
        traced.sizes.append(sizes)
        return made

    kernel = Kernel(saved.model, saved.symbols)
    monkeypatch.setattr("immapscope.preflight.inspect", lambda kprobes: Verdict((), kernel))
    monkeypatch.setattr("immapscope.tracing.session.Session", session)
    monkeypatch.setattr("immapscope.tracing.machine.Machine.from_sysfs", lambda: MACHINE)
    return traced
