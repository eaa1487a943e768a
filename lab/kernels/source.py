# SPDX-License-Identifier: GPL-2.0-or-later
"""The source that kernels of ours are built from: Debian's newest linux-source of one series."""

from __future__ import annotations

from pathlib import Path

from lab import cache, debian
from lab.choice import Package
from lab.errors import LabError
from lab.programs import run

PACKAGE = "linux-source-6.12"
SUITE = "trixie"


def newest() -> Package:
    """As the mirror has it now; LabError where it does not answer or has none."""
    root = debian.AptRoot(SUITE)
    root.update()
    version = root.versions([PACKAGE]).get(PACKAGE)
    if version is None:
        raise LabError(f"no {PACKAGE} in {SUITE}")
    return Package(SUITE, PACKAGE, version)


def unpack(version: str, into: Path) -> None:
    """Downloads just that version and unpacks it; `into` is made."""
    root = debian.AptRoot(SUITE)
    with cache.scratch("source") as files:
        root.unpack([f"{PACKAGE}={version}"], files)
        into.mkdir(parents=True)
        archive = files / "usr/src" / f"{PACKAGE}.tar.xz"
        run(["tar", "-xf", archive, "-C", into, "--strip-components=1"])
