# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: a name stands for the newest package of a series."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cache, choice, debian, ext4
from lab.choice import Package
from lab.errors import LabError
from lab.kernel import Kernel
from lab.programs import run


def newest(series: str, suites: Sequence[str]) -> Package:
    """The newest cloud kernel of the series; LabError if no suite answers or none has one."""
    packages: list[Package] = []
    problem = f"no cloud kernel {series} in {', '.join(suites)}"
    for suite in suites:
        root = debian.AptRoot(suite)
        try:
            root.update()
        except LabError as error:
            problem = str(error)
            continue
        images = [
            name
            for name in root.packages(f"linux-image-{series}.")
            if name.endswith("-cloud-amd64") and "-unsigned-" not in name
        ]
        packages += [Package(suite, name, of) for name, of in root.versions(images).items()]
    if not packages:
        raise LabError(problem)
    return max(packages, key=functools.cmp_to_key(_compare_versions))


def unpacked(package: Package) -> Kernel:
    """The package's kernel and modules, downloaded when they are not in the cache."""

    release = package.title

    def build(folder: Path) -> None:
        root = debian.AptRoot(package.suite)
        # From 7.2 on the image package is empty and these hold what it held.
        parts = [name for name in root.depends(package.name) if name.endswith(release)]
        with cache.scratch("kernel") as files:
            root.unpack([package.name, *parts], files)
            # /lib and /usr/lib are two folders in packages older than trixie's.
            modules = next(files.glob("usr/lib/modules"), files / "lib/modules")
            whole = files / f"boot/vmlinuz-{release}"
            split = modules / release / "vmlinuz"
            (whole if whole.is_file() else split).rename(folder / "bzImage")
            run(["depmod", "-b", modules.parent.parent, release])
            ext4.make(folder / "modules.ext4", "lab-modules", ext4.size_for(modules), modules)

    entry = cache.entry("kernels", package.entry, build)
    return Kernel(release, entry / "bzImage", entry / "modules.ext4")


@dataclass(frozen=True)
class Stock:
    """Debian's cloud kernel of one series, from whichever suite has the newest."""

    series: str
    suites: Sequence[str]
    newest: Callable[[str, Sequence[str]], Package] = newest
    unpacked: Callable[[Package], Kernel] = unpacked

    def kernel(self, update: bool) -> Kernel:
        """A choice stands for 7 days, and for longer while the mirror does not answer."""
        return choice.standing(
            self.series, lambda: self.newest(self.series, self.suites), self.unpacked, update
        )


def _compare_versions(one: Package, other: Package) -> int:
    compared = ["dpkg", "--compare-versions", one.version, "lt", other.version]
    return -1 if subprocess.run(compared, check=False).returncode == 0 else 1
