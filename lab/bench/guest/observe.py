# SPDX-License-Identifier: GPL-2.0-or-later
"""observe.py SESSION -- COMMAND: in a guest, run COMMAND under a session of ours, or an empty one.

SESSION is MODE[-without-trees][-empty]: an empty one attaches programs that only return to the same
functions in the same way, which is the least that any tool pays that looks there. Prints on stderr,
as one JSON line, seconds until attached, kernel memory, and what was counted and lost.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from unittest.mock import patch

from immapscope.cli.trial import kernel_memory
from immapscope.kernel.model import KernelModel
from immapscope.preflight import traceable_kernel
from immapscope.snapshot import Mode
from immapscope.tracing.machine import Machine
from immapscope.tracing.programs import Attach, Program, programs
from immapscope.tracing.session import Session
from immapscope.tracing.source import Request
from immapscope.tracing.target import Target

_BODY = re.compile(r"\treturn [^;]+;")


def empty_programs(
    model: KernelModel, mode: Mode, attach: Attach, tree_operations: bool
) -> tuple[Program, ...]:
    """The programs of a session at their places, doing nothing."""
    return tuple(
        replace(program, text=_BODY.sub("\treturn 0;", program.text))
        for program in programs(model, mode, attach, tree_operations)
    )


def main(kind: str, command: list[str]) -> int:
    """COMMAND's status."""
    mode, *how = kind.split("-")
    request = Request(Mode(mode), tree_operations="trees" not in how)
    began = time.monotonic()
    kernel = traceable_kernel()
    machine = Machine.from_sysfs()
    with ExitStack() as stack:
        if "empty" in how:
            stack.enter_context(patch("immapscope.tracing.session.programs", empty_programs))
        session = stack.enter_context(Session(kernel.model, kernel.symbols, machine, request))
        target = Target(session, ())
        target.open()
        attached = time.monotonic()
        memory = kernel_memory()
        status = subprocess.run(command, check=False).returncode
        snapshot = target.close()
    told = {
        "attached_seconds": attached - began,
        "kernel_bytes": memory,
        "resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "acquisitions": snapshot.totals.acquisitions,
        "waits": snapshot.totals.contended,
        "wait_seconds": snapshot.totals.wait_ns / 1e9,
        "lost": sum(loss.count for loss in snapshot.loss.values()),
    }
    print(json.dumps(told), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3:]))
