# SPDX-License-Identifier: GPL-2.0-or-later
"""reclaim.py FILE SECONDS RESULT: have a mapped file's pages taken back again and again; how many
is in RESULT.

MADV_PAGEOUT, since an emulated guest comes to no want of memory within a minute: reclaim_pages()
unmaps each page by a walk over the file's mappings (mm/rmap.c), as reclaim does.
"""

from __future__ import annotations

import mmap
import os
import re
import sys
import time
from pathlib import Path

PAGES = 1024
#: asm-generic/mman-common.h; Python's mmap does not name it.
MADV_PAGEOUT = 21


def resident(file: Path) -> int:
    """Pages of it that this process has mapped."""
    found = re.search(rf" {re.escape(str(file))}\n.*?^Rss:\s+(\d+) kB", _smaps(), re.M | re.S)
    return int(found[1]) * 1024 // mmap.PAGESIZE if found else 0


def _smaps() -> str:
    return Path("/proc/self/smaps").read_text()


class Result:
    """A file that has room for a number from the start: beside this the disk may be full by now."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        os.write(self._descriptor, bytes(mmap.PAGESIZE))
        os.fsync(self._descriptor)

    def tell(self, number: int, patience: float = 60) -> None:
        """Writes it; raises OSError where that cannot be done for so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            try:
                os.pwrite(self._descriptor, str(number).encode(), 0)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)


def main(name: str, seconds: str, result: str) -> None:
    """Maps the file, looks at each page, has them taken back."""
    # Beside what wants all memory: not this one is to be killed for it.
    Path("/proc/self/oom_score_adj").write_text("-1000")
    file = Path(name).absolute()
    file.write_bytes(bytes(PAGES * mmap.PAGESIZE))
    told = Result(result)
    taken, until = 0, time.monotonic() + float(seconds)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as pages:
        while time.monotonic() < until:
            for page in range(PAGES):
                pages[page * mmap.PAGESIZE]
            before = resident(file)
            pages.madvise(MADV_PAGEOUT)
            taken += max(0, before - resident(file))
            time.sleep(1)
    told.tell(taken)


if __name__ == "__main__":
    main(*sys.argv[1:])
