# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists the functions of a kernel's source that take an i_mmap lock, as "file function".

    python tests/data/lock_sites.py LINUX_SOURCE > tests/data/lock_sites/RELEASE.txt

A reader of the list can trust it as far as the kernel's coding style goes: a function begins at
the start of a line.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("mm", "fs", "kernel", "drivers", "lib", "ipc", "io_uring", "arch/x86", "virt")
LOCK = re.compile(r"\bi_mmap_(?:try)?lock_(?:read|write)\(|\bdown_\w+\(&[^,)]*i_mmap_rwsem")
FUNCTION = re.compile(r"^(?:[A-Za-z_][\w \t*]*[ \t*])?(\w+)\([^;]*$")


def lock_sites(source: Path) -> Iterator[tuple[str, str]]:
    """(file, function), once for each function, in the order of the files."""
    files = (file for folder in FOLDERS for file in sorted((source / folder).rglob("*.c")))
    for file in files:
        text = file.read_text(errors="replace")
        if LOCK.search(text):
            yield from dict.fromkeys((str(file.relative_to(source)), f) for f in _functions(text))


def _functions(text: str) -> Iterator[str]:
    function = ""
    for line in text.splitlines():
        if found := FUNCTION.match(line):
            function = found[1]
        if LOCK.search(line):
            yield function


if __name__ == "__main__":
    for site in lock_sites(Path(sys.argv[1])):
        print(*site)
