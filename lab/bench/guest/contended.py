# SPDX-License-Identifier: GPL-2.0-or-later
"""contended.py COUNT VMAS TASKS: in a guest, COUNT truncations of a file that VMAS mappings keep in
its tree, while TASKS map and unmap it. A walk takes more than a slice of a CPU, so that tasks meet
its lock on one CPU too. Prints a line, as fixedwork does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

from scaled import made, mapped

#: More than are ever done.
_MANY = "1000000000"
_PAGE = 4096


def main(count: int, vmas: int, tasks: int) -> int:
    """0."""
    (file,) = made(1)
    # Python keeps a descriptor of its own for each mapping.
    resource.setrlimit(resource.RLIMIT_NOFILE, (vmas + 256, vmas + 256))
    with file.open("rb") as opened:
        held = [mapped(opened.fileno()) for _ in range(vmas)]
    mappers = [subprocess.Popen(("./fixedwork", str(file), "mmap", _MANY)) for _ in range(tasks)]
    began = time.monotonic_ns()
    for _ in range(count):
        os.truncate(file, _PAGE)
    print(f"contended {time.monotonic_ns() - began}", flush=True)
    for mapper in mappers:
        mapper.kill()
        mapper.wait()
    for one in held:
        one.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
