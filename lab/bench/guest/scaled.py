# SPDX-License-Identifier: GPL-2.0-or-later
"""scaled.py COUNT VMAS FILES: in a guest, what COUNT mappings of one file take: while nobody else
maps it, while VMAS others are in its tree, and once FILES other files have been mapped. Prints a
line for each, as fixedwork does.
"""

from __future__ import annotations

import mmap
import resource
import subprocess
import sys
from pathlib import Path

FOLDER = Path("scaled-files")
_PAGE = 4096


def main(count: str, vmas: int, files: int) -> int:
    """0; raises CalledProcessError where the work failed."""
    file, *others = made(files + 1)
    # Python keeps a descriptor of its own for each mapping.
    resource.setrlimit(resource.RLIMIT_NOFILE, (vmas + 256, vmas + 256))
    print(f"few {took(file, count)}", flush=True)
    with file.open("rb") as opened:
        held = [mapped(opened.fileno()) for _ in range(vmas)]
    print(f"vmas {took(file, count)}", flush=True)
    for one in held:
        one.close()
    for other in others:
        with other.open("rb") as opened:
            mapped(opened.fileno()).close()
    print(f"files {took(file, count)}", flush=True)
    return 0


def made(count: int) -> list[Path]:
    """So many files of a page each, which stay for the next time."""
    FOLDER.mkdir(exist_ok=True)
    found = [FOLDER / f"{number}" for number in range(count)]
    for file in found:
        if not file.exists():
            file.write_bytes(bytes(_PAGE))
    return found


def mapped(file: int) -> mmap.mmap:
    """A mapping of its own: mappings of one page of a file never merge."""
    return mmap.mmap(file, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ)


def took(file: Path, count: str) -> int:
    """ns."""
    work = ("./fixedwork", str(file), "mmap", count)
    done = subprocess.run(work, capture_output=True, text=True, check=True)
    _, ns = done.stdout.split()
    return int(ns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
