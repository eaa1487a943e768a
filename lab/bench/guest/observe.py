# SPDX-License-Identifier: GPL-2.0-or-later
"""observe.py SESSION -- COMMAND: in a guest, run COMMAND under a session of ours, or an empty one.

SESSION is MODE[-without-trees][-empty][-crowded][-events]: an empty one attaches programs that only
return to the same functions in the same way, which is the least that any tool pays that looks
there; a crowded one has maps without room. Prints on stderr, as one JSON line, seconds until
compiled and until attached, memory, what was counted, lost and skipped, and with -events how often
each program ran and how long.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from immapscope.cli.trial import kernel_memory
from immapscope.kernel.model import KernelModel
from immapscope.preflight import traceable_kernel
from immapscope.snapshot import Mode, Snapshot
from immapscope.tracing.loader import Module
from immapscope.tracing.machine import Machine
from immapscope.tracing.programs import Program, programs
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.session import Session
from immapscope.tracing.sizes import OPERATIONS, Sizes
from immapscope.tracing.target import Target

_BODY = re.compile(r"\treturn [^;]+;")


def empty_programs(
    model: KernelModel, mode: Mode, attach: Attach, tree_operations: bool, recorded: bool
) -> tuple[Program, ...]:
    """The programs of a session at their places, doing nothing."""
    return tuple(
        replace(program, text=_BODY.sub("\treturn 0;", program.text))
        for program in programs(model, mode, attach, tree_operations, recorded)
    )


def without_room(machine: Machine) -> Sizes:
    """One file, one row, one waiter and one hold at a time; the next of each finds its map full."""
    rows = machine.nodes * OPERATIONS + 1
    return Sizes(machine.cpus, machine.nodes, files=2, rows=rows, waiting=1, held=1)


def timed(spent: list[float]) -> Callable[[str], Module]:
    """Compiles a module, and tells how many seconds that took."""

    def compiled(text: str) -> Module:
        began = time.monotonic()
        module = Module(text)
        spent.append(time.monotonic() - began)
        return module

    return compiled


def ran(session: Session) -> dict[str, list[int]]:
    """By program: how often it ran, and ns in all (kernel.bpf_stats_enabled)."""
    found = {}
    for one in session.attached:
        lines = Path(f"/proc/self/fdinfo/{one.fd}").read_text().splitlines()
        told = {key: value for key, _, value in (line.partition(":\t") for line in lines)}
        name = f"{one.program.kind.value} {one.program.target}"
        found[name] = [int(told["run_cnt"]), int(told["run_time_ns"])]
    return found


def lost(snapshot: Snapshot, *, upper_bounds: bool) -> int:
    """Events by the session's own account, or those that the kernel skipped of any rwsem."""
    losses = snapshot.loss.values()
    return sum(loss.count for loss in losses if loss.upper_bound is upper_bounds)


def main(kind: str, command: list[str]) -> int:
    """COMMAND's status."""
    mode, *how = kind.split("-")
    request = Request(Mode(mode), tree_operations="trees" not in how)
    compiled: list[float] = []
    Path("/proc/sys/kernel/bpf_stats_enabled").write_text(str(int("events" in how)))
    began = time.monotonic()
    kernel = traceable_kernel()
    machine = Machine.from_sysfs()
    with ExitStack() as stack:
        if "empty" in how:
            stack.enter_context(patch("immapscope.tracing.session.programs", empty_programs))
        stack.enter_context(patch("immapscope.tracing.session.Module", timed(compiled)))
        sizes = without_room(machine) if "crowded" in how else None
        session = stack.enter_context(
            Session(kernel.model, kernel.symbols, machine, request, sizes)
        )
        target = Target(session, ())
        target.open()
        attached = time.monotonic()
        memory = kernel_memory()
        status = subprocess.run(command, check=False).returncode
        events = ran(session) if "events" in how else None
        snapshot = target.close()
    told: dict[str, Any] = {
        "attached_seconds": attached - began,
        "compiled_seconds": sum(compiled),
        "kernel_bytes": memory,
        "resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "acquisitions": snapshot.totals.acquisitions,
        "waits": snapshot.totals.contended,
        "wait_seconds": snapshot.totals.wait_ns / 1e9,
        "lost": lost(snapshot, upper_bounds=False),
        "skipped": lost(snapshot, upper_bounds=True),
    }
    if events is not None:
        told["events"] = events
    print(json.dumps(told), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3:]))
