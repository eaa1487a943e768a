# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests that measure: one CPU whose clock counts instructions, or 4 nodes of 2 CPUs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lab import cache, cli
from lab.bench import tools
from lab.errors import LabError
from lab.workloads import build

_GUEST: Final = Path(__file__).parent / "guest"


def measure(
    kernel: str, names: Sequence[str], works: Sequence[str], rounds: int, *, counted: bool
) -> list[Any]:
    """Boots a guest and has it measured there; see guest/measure.py. Raises LabError."""
    files = [build.build("fixedwork")]
    files += [tools.find()] if set(names) & set(tools.CONTENDERS) else []
    machine = ("--icount", "--topology", "1x1") if counted else ("--topology", "4x2")
    command = ("measure.py", str(rounds), *works, "--", *names)
    return _told(("--kernel", kernel, *machine), files, command, "measured.json")


def compare(kernel: str, maps: int, seconds: str, workloads: Sequence[str]) -> list[Any]:
    """What each tool says of work whose truth is known; see guest/accuracy.py. Raises LabError."""
    files = [tools.find(), build.build("treeops"), build.build("longhold")]
    command = ("accuracy.py", str(maps), seconds, *workloads)
    return _told(("--kernel", kernel, "--topology", "4x2"), files, command, "accuracy.json")


def _told(
    machine: Sequence[str], files: Sequence[Path], command: Sequence[str], file: str
) -> list[Any]:
    words = [*machine, "--timeout", "3000"]
    for path in (*sorted(_GUEST.glob("*.py")), *files):
        words += ["--file", str(path)]
    with cache.scratch("bench") as folder:
        status = cli.main([*words, "--out", str(folder), "--", "python3", *command])
        if status != 0:
            raise LabError(f"the guest that measures ended with status {status}")
        told: list[Any] = json.loads((folder / file).read_text())
        return told
