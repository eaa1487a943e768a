# SPDX-License-Identifier: GPL-2.0-or-later
"""contended.py COUNT VMAS TASKS: in a guest, COUNT truncations of a file that VMAS mappings keep in
its tree, while TASKS map and unmap it. A walk takes more than a slice of a CPU, so that tasks meet
its lock on one CPU too. Prints a line, as fixedwork does.
"""

from __future__ import annotations

import mmap
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

FILE = Path("contended")
#: More than are ever done.
_MANY = "1000000000"
_PAGE = 4096


def main(count: int, vmas: int, tasks: int) -> int:
    """0."""
    FILE.write_bytes(bytes(2 * _PAGE))
    # Python keeps a descriptor of its own for each mapping.
    resource.setrlimit(resource.RLIMIT_NOFILE, (vmas + 256, vmas + 256))
    with FILE.open("rb") as opened:
        held = [mapped(opened.fileno()) for _ in range(vmas)]
    mappers = [subprocess.Popen(("./fixedwork", str(FILE), "mmap", _MANY)) for _ in range(tasks)]
    try:
        began = time.monotonic_ns()
        for _ in range(count):
            os.truncate(FILE, _PAGE)
        print(f"contended {time.monotonic_ns() - began}", flush=True)
    finally:
        for mapper in mappers:
            mapper.kill()
            mapper.wait()
        for one in held:
            one.close()
    return 0


def mapped(file: int) -> mmap.mmap:
    """A mapping of the page that stays, and of one that a walk has to look at."""
    mapping = mmap.mmap(file, 2 * _PAGE, mmap.MAP_SHARED, mmap.PROT_READ)
    # Without page tables a walk would have nothing to do there.
    mapping.read_byte()
    return mapping


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
