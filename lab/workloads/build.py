# SPDX-License-Identifier: GPL-2.0-or-later
"""The workloads as programs that run in any guest: python3 -m lab.workloads.build [NAME]...

Each is one C file here, linked statically, since a guest has another libc than the host, and made
once for each content.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cache
from lab.errors import LabError, UsageError

SOURCES = Path(__file__).parent
LIBRARIES = ("-lm",)
FLAGS = ("-O2", "-g", "-static", "-pthread", "-Wall", "-Wextra", "-Werror")


def names() -> list[str]:
    """Every workload, sorted."""
    return sorted(path.stem for path in SOURCES.glob("*.c"))


def build(name: str) -> Path:
    """The program of that name; UsageError if there is none, LabError if it does not compile."""
    source = SOURCES / f"{name}.c"
    if not source.is_file():
        raise UsageError(f"unknown workload {name}; known: {', '.join(names())}")
    if shutil.which("gcc") is None:
        raise LabError("gcc is missing; see python3 -m lab.host")
    headers = sorted(SOURCES.glob("*.h"))
    content = cache.key(*FLAGS, *LIBRARIES, *(path.read_bytes() for path in (source, *headers)))

    def compile_into(folder: Path) -> None:
        # What gcc has to say goes to the terminal as it is.
        if subprocess.run(
            ["gcc", *FLAGS, "-o", folder / name, source, *LIBRARIES], check=False
        ).returncode:
            raise LabError(f"{source} does not compile")

    return cache.entry("workloads", f"{name}-{content}", compile_into) / name


def main(words: Sequence[str]) -> int:
    """Print where each program is; 70 if one cannot be made."""
    try:
        for name in words or names():
            print(build(name))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
