# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU to trust: the machine's own if it is new enough, else Debian's, run unpacked."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import cache, debian
from lab.errors import LabError

PROGRAM = "qemu-system-x86_64"
# With multi-threaded TCG 7.2 crashes guests that patch their own code (fixed in 8.1 by "accel/tcg:
# Always lock pages before translation"), and 10.0 itself died in 1 of 100 boots on a busy host, by
# an assertion in iotlb_to_section(), which 11 no longer has. 120 such boots of 11.1 were well.
OLDEST = (11, 0)
SUITE = "trixie-backports"
PACKAGE = "qemu-system-x86"


@dataclass(frozen=True)
class Qemu:
    """How to start QEMU: the first words of every command line."""

    command: tuple[str, ...]


def find() -> Qemu:
    """The machine's QEMU if it is new enough, else the cached one, fetched at need."""
    own = shutil.which(PROGRAM)
    if own and version_of(own) >= OLDEST:
        return Qemu((own,))
    return _unpacked()


def version_of(program: str) -> tuple[int, int]:
    """Major and minor; (0, 0) if it does not say."""
    done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    match = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _unpacked() -> Qemu:
    def build(folder: Path) -> None:
        root = debian.AptRoot(SUITE)
        root.update()
        root.unpack([PACKAGE], folder, closure=True)
        for unread in ("doc", "man", "locale", "icons"):
            shutil.rmtree(folder / "usr/share" / unread, ignore_errors=True)
        _command(folder)

    return _command(cache.entry("qemu", f"{PACKAGE}-{SUITE}", build))


def _command(root: Path) -> Qemu:
    """The root's own loader and libraries run its QEMU, whatever the machine's libc is."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    program = root / "usr/bin" / PROGRAM
    if not program.is_file():
        raise LabError(f"{PACKAGE} of {SUITE} holds no {PROGRAM}")
    return Qemu(
        (
            str(libraries / "ld-linux-x86-64.so.2"),
            "--library-path",
            str(libraries),
            str(program),
            "-L",
            str(root / "usr/share/qemu"),
            "-L",
            str(root / "usr/share/seabios"),
        )
    )
