# SPDX-License-Identifier: GPL-2.0-or-later
"""Loading and attaching every probe for a moment: the kernel's own word on whether it works."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from immapscope.errors import CannotTraceError
from immapscope.preflight import Check, Kernel
from immapscope.snapshot import Mode
from immapscope.tracing.machine import Machine
from immapscope.tracing.memory import LARGE, kernel_bytes
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.session import Session

FDINFO = Path("/proc/self/fdinfo")


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it; `memory`: what the session took of the kernel's, in bytes.

    `layout`: the kernel's, known or learnt, None where nothing could be attached.
    """

    check: Check
    memory: int | None = None
    layout: str | None = None


def attaching(kernel: Kernel) -> Trial:
    """The way that `trace` goes where nobody says otherwise; if that fails, which other works."""
    try:
        return _tried("attaching", kernel, Mode.FULL, Attach.MIXED)
    except CannotTraceError as error:
        why = str(error)
    for other in (Attach.FENTRY, Attach.KPROBE):
        try:
            _tried("attaching", kernel, Mode.FULL, other)
        except CannotTraceError:
            continue
        return Trial(Check("attaching", False, why, f"trace --attach {other.value} works here"))
    return Trial(Check("attaching", False, why, "no other --attach works either"))


def fentry(kernel: Kernel) -> Trial:
    """Where kprobes are not to be had: whether the other way in would be open."""
    try:
        return _tried("fentry", kernel, Mode.CONTENTION, Attach.FENTRY)
    except CannotTraceError as error:
        advice = "boot a kernel with CONFIG_FUNCTION_TRACER and CONFIG_BPF_JIT, without lockdown"
        return Trial(Check("fentry", False, str(error), advice))


def _tried(name: str, kernel: Kernel, mode: Mode, attach: Attach) -> Trial:
    machine = Machine.from_sysfs()
    with Session(kernel.model, kernel.symbols, machine, Request(mode, attach)) as session:
        memory = kernel_memory()
        found = f"{len(session.attached)} programs, {memory / 1e6:.0f} MB of kernel memory"
        found += f" ({_on_a_large_machine(session) / 1e6:.0f} MB on {LARGE[0]} CPUs)"
        facts = session.facts
        if facts.learnt_from is not None:
            found += f"; layout {facts.layout} learnt by watching "
            found += f"{facts.learnt_from} tree operations of our own"
        return Trial(Check(name, True, found), memory, facts.layout)


def _on_a_large_machine(session: Session) -> int:
    """Bytes that the same session's maps would take there."""
    cpus, nodes = LARGE
    sizes = replace(session.sizes, cpus=cpus, nodes=nodes, rows=0)
    return kernel_bytes(session.model, session.request, sizes)


def kernel_memory(fdinfo: Path = FDINFO) -> int:
    """Bytes that the kernel holds for this process's BPF maps and programs, each once.

    A mapped array has two descriptors, since Python's mmap keeps one of its own.
    """
    return sum(
        {_identity(lines): _locked(lines) for lines in map(_lines, fdinfo.iterdir())}.values()
    )


def _lines(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        # The descriptor that lists the folder is gone by now.
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _identity(lines: dict[str, str]) -> tuple[str | None, ...]:
    # A link names its program too, and takes none of that one's place.
    return tuple(lines.get(key) for key in ("map_id", "prog_id", "link_id"))


def _locked(lines: dict[str, str]) -> int:
    return int(lines.get("memlock", "0"))
