# SPDX-License-Identifier: GPL-2.0-or-later
"""The storm of test_exact_counts, run as the traced COMMAND, with the oracle around it.

Each operation has a file and a CPU of its own and runs alone; then 16 tasks map 16 files at once,
and 4 tasks one file. Prime counts, so that no sum of other counts can look right by accident.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from oracle import Oracle

#: operation -> (CPU, count). CPU 2n is on node n.
ALONE = {
    "map": (0, 997),
    "fixed": (2, 499),
    "mprotect": (4, 251),
    "mremap": (6, 241),
    "fork": (1, 61),
    "truncate": (3, 127),
    "madvise": (5, 131),
}
TASKS = 16
EACH = 211
SHARERS = 4
SHARED = 503


def cpu_of_task(task: int) -> int:
    """Two tasks on each of eight CPUs."""
    return task % 8


def at_once(commands: list[list[str]]) -> None:
    """Runs all of them at the same time; each must succeed."""
    running = [subprocess.Popen(command) for command in commands]
    if any(process.wait() != 0 for process in running):
        sys.exit("a workload failed")


def treeops(cpu: int, file: str, what: str, count: int) -> list[str]:
    """The command line of one workload."""
    return ["./treeops", str(cpu), file, what, str(count)]


def main() -> None:
    """Runs everything between the oracle's start and its end."""
    oracle = Oracle()
    for what, (cpu, count) in ALONE.items():
        at_once([treeops(cpu, f"file-{what}", what, count)])
    at_once([treeops(cpu_of_task(task), f"file-{task}", "map", EACH) for task in range(TASKS)])
    at_once([treeops(2 * node, "file-shared", "map", SHARED) for node in range(SHARERS)])
    Path("oracle.json").write_text(json.dumps(oracle.stop()))


if __name__ == "__main__":
    main()
