# SPDX-License-Identifier: GPL-2.0-or-later
"""`doctor` names what is missing and what to do about it, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from immapscope.cli.trial import kernel_memory
from immapscope.errors import CannotTraceError
from immapscope.preflight import Check, Kernel, Verdict
from immapscope.snapshot import Mode
from immapscope.tracing.request import Attach, Request
from tests.cli.machines import Command
from tests.kernel.saved import SavedKernel
from tests.tracing.counted import Counted
from tests.tracing.fakes import MACHINE, FakeSession

ROOT = Check("privileges", True, "root")
NOT_ROOT = Check("privileges", False, "user 1000", "run as root: sudo immapscope ...")
KPROBES = Check("kprobes", True, "available")
NO_KPROBES = Check("kprobes", False, "this kernel has no kprobe events", "boot another kernel")

On = Callable[..., None]


class Kernels:
    """What attaches, and what was tried."""

    def __init__(self) -> None:
        self.refused: set[tuple[Mode, Attach]] = set()
        self.tried: list[tuple[Mode, Attach]] = []
        self.sessions: list[FakeSession] = []

    def session(self, _: object, __: object, ___: object, request: Request) -> FakeSession:
        way = (request.mode, request.attach)
        self.tried.append(way)
        if way in self.refused:
            raise CannotTraceError(f"cannot attach by {request.attach}: Operation not permitted")
        session = FakeSession(Counted(), request=request)
        self.sessions.append(session)
        return session


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Kernels:
    """Every way to attach works until it is refused; a dead session left a probe."""
    kernels = Kernels()
    monkeypatch.setattr("immapscope.cli.trial.Session", kernels.session)
    monkeypatch.setattr("immapscope.cli.trial.Machine.from_sysfs", lambda: MACHINE)
    monkeypatch.setattr("immapscope.cli.trial.kernel_memory", lambda: 21_400_000)
    monkeypatch.setattr(
        "immapscope.tracing.leftovers.remove_leftovers", lambda: ("kprobes/r_left_bcc_4242",)
    )
    return kernels


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> On:
    """Makes this machine one of which these checks are true."""
    saved = SavedKernel("stock-7.x")

    def on(*checks: Check, readable: bool = True) -> None:
        kernel = Kernel(saved.model, saved.symbols) if readable else None
        monkeypatch.setattr("immapscope.cli.doctor.inspect", lambda: Verdict(checks, kernel))

    return on


def test_a_machine_that_can_be_traced_is_told_what_it_will_cost(
    immapscope: Command, kernels: Kernels, on: On
) -> None:
    on(ROOT, KPROBES)
    result = immapscope("doctor")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "ok  privileges  root\n"
        "ok  kprobes     available\n"
        "ok  attaching   17 programs, 21 MB of kernel memory (54 MB on 384 CPUs)\n"
        "removed a dead session's probe: kprobes/r_left_bcc_4242\n"
        "this machine can be traced\n"
    )
    assert kernels.tried == [(Mode.FULL, Attach.MIXED)]
    assert [session.abandoned for session in kernels.sessions] == [True]


def test_what_cannot_be_told_is_neither_fine_nor_a_blocker(
    immapscope: Command, kernels: Kernels, on: On
) -> None:
    on(ROOT, KPROBES, Check("lockdown", None, "not known"))
    result = immapscope("doctor")
    assert result.status == 0
    assert "\n?   lockdown    not known\n" in result.out
    assert result.out.endswith("this machine can be traced\n")
    told = json.loads(immapscope("doctor", "--format", "json").out)
    assert told["traceable"]
    assert [check["passed"] for check in told["checks"]] == [True, True, None, True]


def test_every_blocker_is_named_with_what_lifts_it(
    immapscope: Command, kernels: Kernels, on: On
) -> None:
    on(NOT_ROOT, NO_KPROBES, readable=False)
    result = immapscope("doctor")
    assert result.status == 1
    assert result.out == (
        "NO  privileges  user 1000\n"
        "                -> run as root: sudo immapscope ...\n"
        "NO  kprobes     this kernel has no kprobe events\n"
        "                -> boot another kernel\n"
        "this machine cannot be traced: 2 to lift, see the arrows\n"
    )
    # Without root neither could be tried.
    assert kernels.tried == []


def test_without_kprobes_the_other_way_in_is_tried_too(
    immapscope: Command, kernels: Kernels, on: On
) -> None:
    on(ROOT, NO_KPROBES)
    kernels.refused = {(Mode.CONTENTION, Attach.FENTRY)}
    result = immapscope("doctor")
    assert result.status == 1
    assert "NO  fentry      cannot attach by fentry: Operation not permitted\n" in result.out
    assert result.out.endswith("this machine cannot be traced: 2 to lift, see the arrows\n")


@pytest.mark.parametrize("works", [Attach.FENTRY, Attach.KPROBE])
def test_where_another_way_to_attach_works_it_is_advised(
    immapscope: Command, kernels: Kernels, on: On, works: Attach
) -> None:
    on(ROOT, KPROBES)
    kernels.refused = {(Mode.FULL, attach) for attach in Attach if attach is not works}
    result = immapscope("doctor")
    assert result.status == 1
    assert "NO  attaching   cannot attach by mixed" in result.out
    assert f"-> trace --attach {works.value} works here\n" in result.out


def test_where_nothing_attaches_no_other_way_is_advised(
    immapscope: Command, kernels: Kernels, on: On
) -> None:
    on(ROOT, KPROBES)
    kernels.refused = {(Mode.FULL, attach) for attach in Attach}
    assert "-> no other --attach works either\n" in immapscope("doctor").out


def test_programs_read_the_same_as_json(immapscope: Command, kernels: Kernels, on: On) -> None:
    on(ROOT, KPROBES)
    result = immapscope("doctor", "--format", "json")
    assert (result.status, result.err) == (0, "")
    document = json.loads(result.out)
    release = SavedKernel("stock-7.x").release
    assert document == {
        "schema": 1,
        "traceable": True,
        "kernel": {"release": release, "layout": "single"},
        "kernel_memory_bytes": 21_400_000,
        "checks": [
            {"name": "privileges", "passed": True, "finding": "root", "advice": None},
            {"name": "kprobes", "passed": True, "finding": "available", "advice": None},
            {
                "name": "attaching",
                "passed": True,
                "finding": "17 programs, 21 MB of kernel memory (54 MB on 384 CPUs)",
                "advice": None,
            },
        ],
        "removed_leftovers": ["kprobes/r_left_bcc_4242"],
    }


def test_blockers_are_in_the_json_too(immapscope: Command, kernels: Kernels, on: On) -> None:
    on(NOT_ROOT, readable=False)
    result = immapscope("doctor", "--format", "json")
    assert result.status == 1
    document = json.loads(result.out)
    assert (document["traceable"], document["kernel"]) == (False, None)
    assert document["kernel_memory_bytes"] is None
    assert document["checks"] == [
        {
            "name": "privileges",
            "passed": False,
            "finding": "user 1000",
            "advice": "run as root: sudo immapscope ...",
        }
    ]


def test_kernel_memory_is_what_the_kernel_says_of_each_map_and_program(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("pos:\t0\nflags:\t02\n")
    # A mapped array has a second descriptor.
    for descriptor in ("5", "8"):
        (tmp_path / descriptor).write_text("map_type:\t2\nmemlock:\t1048576\nmap_id:\t11\n")
    (tmp_path / "6").write_text("prog_type:\t2\nmemlock:\t4096\nprog_id:\t11\n")
    # What attaches a program names it.
    (tmp_path / "9").write_text("link_type:\ttracing\nlink_id:\t3\nprog_id:\t11\n")
    (tmp_path / "7").symlink_to("gone")
    assert kernel_memory(tmp_path) == 1048576 + 4096
    assert kernel_memory() >= 0
