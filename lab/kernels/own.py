# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels of our own: the designs of the argument as patches, built once for each content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab import cache, choice, host
from lab.choice import Package
from lab.errors import LabError
from lab.kernel import Kernel, release_of
from lab.kernels import config, source
from lab.kernels.build import build
from lab.programs import run

PATCHES = Path(__file__).resolve().parent / "patches"
#: Lets chosen tasks hold a lock asleep; off by default, and the same in every family.
HOLD = PATCHES / "hold.patch"
#: `single` is the same source and configuration with no other patch: what the others compare with.
FAMILIES = ("single", "split", "inverted", "tree-only")
DEBUG = "+debug"
#: Counts its locks and checks nothing; of `single` alone, to be compared with that.
LOCK_STAT = "+lockstat"
_FRAGMENTS = {"": (), DEBUG: (config.DEBUG,), LOCK_STAT: (config.LOCK_STAT,)}
#: To be raised where build.py makes something else of the same parts.
_RECIPE = "1"


@dataclass(frozen=True)
class Own:
    """One family; of flavour DEBUG its locks are checked and counted by the kernel itself."""

    family: str
    flavour: str = ""

    @property
    def fragments(self) -> tuple[Path, ...]:
        """The configuration, the later ones on top."""
        return (config.BASE, *_FRAGMENTS[self.flavour])

    @property
    def patches(self) -> tuple[Path, ...]:
        """In the order in which they are applied; no two change the same file."""
        return (HOLD,) if self.family == "single" else (HOLD, PATCHES / f"{self.family}.patch")

    def key(self, version: str, compiler: str) -> str:
        """A name for everything that goes in."""
        parts = [path.read_bytes() for path in (*self.fragments, *self.patches)]
        return cache.key(_RECIPE, version, compiler, self.family, *parts)

    def kernel(self, update: bool) -> Kernel:
        """Built where it is not in the cache; raises LabError where it does not build."""
        if absent := host.missing(["kernels"]):
            packages = " ".join(sorted(set(absent.values())))
            raise LabError(f"to build a kernel: apt-get install {packages}")
        return choice.standing(source.PACKAGE, source.newest, self._built, update)

    def _built(self, package: Package) -> Kernel:
        version = package.version
        compiler = run(["gcc", "--version"]).splitlines()[0]
        name = f"{self.family}{self.flavour}".replace("+", "-")

        def fill(folder: Path) -> None:
            build(name, version, self.patches, self.fragments, folder)

        entry = cache.entry("kernels", f"{name}-{self.key(version, compiler)}", fill)
        modules = entry / "modules.ext4"
        bzimage = entry / "bzImage"
        return Kernel(release_of(bzimage), bzimage, modules if modules.is_file() else None)
