# SPDX-License-Identifier: GPL-2.0-or-later
"""`law_storm.py SECONDS [hammer|attach]`: exec, fork and mmap storms at once, 16 tasks, many files.

hammer: another program does map syscalls as fast as it can, which on a preempting kernel makes it
skip kprobes. attach: another tracer attaches to and detaches from the slow path, 20 times or more,
while some wait there for long.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

FILES = 12
_EACH = 400
_OPERATIONS = ("map", "fixed", "mprotect", "mremap", "fork", "truncate")


def _rounds(task: int) -> Iterator[list[str]]:
    """One task's workloads: every operation, on private files and on a file that all share."""
    for step, what in enumerate(itertools.cycle(_OPERATIONS)):
        file = "law-shared" if step % 2 else f"law-{(task + step) % FILES}"
        count = _EACH // 10 if what == "fork" else _EACH
        yield ["./treeops", str(task % 8), file, what, str(count)]


def _work(task: int, until: float) -> None:
    for command in _rounds(task):
        if time.monotonic() > until:
            return
        subprocess.run(command, check=True)


def main(seconds: float, disturbance: str | None) -> None:
    """Runs the storm; the disturbance starts after it and may outlast it."""
    until = time.monotonic() + seconds
    tasks = [threading.Thread(target=_work, args=(task, until)) for task in range(12)]
    execs = subprocess.Popen(["./execstorm", "4", str(seconds), "/usr/bin/true"])
    for task in tasks:
        task.start()
    if disturbance:
        script = Path(__file__).with_name(f"disturb_{disturbance}.py")
        subprocess.run([sys.executable, str(script), str(seconds / 2)], check=True)
    for task in tasks:
        task.join()
    if execs.wait() != 0:
        sys.exit("execstorm failed")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
