# SPDX-License-Identifier: GPL-2.0-or-later
"""`file_storm.py all|layered|hostile`: map and unmap the files of test_files, prime counts each."""

from __future__ import annotations

import os
import subprocess
import sys

HOSTILE = (
    b"new\nline",
    b"\x1b[31mred\x1b[0m",
    b"quote'\"back\\slash",
    b"[red]markup",
    b"\xff\xfenot-utf-8",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe".encode(),
    b"x" * 255,
)
COUNTS = {
    "one/same": 11,
    "two/same": 13,
    "linked": 17,
    "also-linked": 19,
    "going": 23,
    "layered": 29,
    "hostile": 31,
}


def _map(path: bytes, count: int) -> None:
    subprocess.run([b"./treeops", b"0", path, b"map", str(count).encode()], check=True)


def _map_deleted(path: bytes, count: int) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.unlink(path)
    _map(f"/proc/{os.getpid()}/fd/{descriptor}".encode(), count)


def main(which: str) -> None:
    """Does what `which` says."""
    if which == "layered":
        _map(b"merged/layered", COUNTS["layered"])
    if which == "all":
        for name in ("one/same", "two/same", "linked", "also-linked"):
            _map(name.encode(), COUNTS[name])
        _map_deleted(b"going", COUNTS["going"])
    if which in ("all", "hostile"):
        for hostile in HOSTILE:
            _map(b"hostile/" + hostile, COUNTS["hostile"])


if __name__ == "__main__":
    main(sys.argv[1])
