# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Prometheus and Alertmanager as programs alone: python3 -m lab.monitoring.

They are unpacked into the cache and run from there. Installed, they would be services that start at
once and listen on every address of this machine, which no test has use for; and it takes no root.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lab import cache, debian
from lab.errors import LabError
from lab.programs import run

# The oldest suite that the lab runs on: its programs run with the libc of any newer one.
SUITE = "bookworm"
PACKAGES = ("prometheus", "prometheus-alertmanager")
#: What Alertmanager reads templates from, at /usr/share/prometheus and nowhere else.
SHARE = "share"
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")


_ENTRY = f"{SUITE}-with-share"


def folder() -> Path:
    """Where the programs are, fetched at need; LabError if they cannot be had."""
    return cache.entry("monitoring", _ENTRY, _unpack)


def cached() -> Path | None:
    """Where the programs are, None if they were not fetched yet."""
    return cache.find("monitoring", _ENTRY)


def _unpack(into: Path) -> None:
    print("lab: fetching Prometheus and Alertmanager, 30 MB", file=sys.stderr)
    root = debian.AptRoot(SUITE)
    root.update()
    with cache.scratch("monitoring") as files:
        root.unpack(PACKAGES, files)
        for name in PROGRAMS:
            shutil.move(files / "usr/bin" / name, into)
            run([into / name, "--version"])
        shutil.move(files / "usr/share/prometheus", into / SHARE)


def main() -> int:
    """Print the folder of the programs; 70 if they cannot be had."""
    try:
        print(folder())
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
