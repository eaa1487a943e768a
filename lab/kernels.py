"""Kernels by name: each name says where its bzImage and its modules come from."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from lab import cache, debian, ext4
from lab.errors import LabError, UsageError
from lab.programs import run

DEFAULT = "stock-6.12"
ASK_AGAIN_SECONDS = 7 * cache.DAY_SECONDS


@dataclass(frozen=True)
class Kernel:
    """What QEMU boots. `modules` is an ext4 image for /lib/modules, None where there are none."""

    release: str
    bzimage: Path
    modules: Path | None


class Origin(Protocol):
    """Where the kernel of one name comes from."""

    def kernel(self, update: bool) -> Kernel:
        """The kernel, made or fetched at need; `update` asks whoever publishes it anew."""


@dataclass(frozen=True)
class _Choice:
    """The package that stood for a name when the mirror was last asked."""

    suite: str
    package: str
    version: str
    ask_again: float

    @property
    def release(self) -> str:
        return self.package.removeprefix("linux-image-")

    @property
    def entry(self) -> str:
        return f"{self.package}_{self.version}"


@dataclass(frozen=True)
class Stock:
    """Debian's cloud kernel of one series: the newest that any of the suites has."""

    name: str
    series: str
    suites: Sequence[str]

    def kernel(self, update: bool) -> Kernel:
        """A known choice is kept for 7 days, and for longer while the mirror does not answer."""
        note = cache.directory() / "kernels" / f"{self.name}.json"
        with cache.locked(f"kernel-{self.name}"):
            choice = _Choice(**json.loads(note.read_text())) if note.is_file() else None
            if choice is None or update or time.time() > choice.ask_again:
                try:
                    choice = _newest(self.series, self.suites)
                    _unpacked(choice)
                except LabError as error:
                    if choice is None or cache.find("kernels", choice.entry) is None:
                        raise
                    print(f"lab: {error}; {self.name} stays as cached", file=sys.stderr)
                    choice = replace(choice, ask_again=time.time() + cache.RETRY_SECONDS)
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_text(json.dumps(asdict(choice)))
            return _unpacked(choice)


REGISTRY: Mapping[str, Origin] = {
    stock.name: stock
    for stock in (
        Stock("stock-6.1", "6.1", ["bookworm"]),
        Stock("stock-6.12", "6.12", ["trixie"]),
        Stock("stock-7.x", "7", ["trixie-backports", "sid"]),
    )
}


def find(name: str, update: bool = False) -> Kernel:
    """The kernel of that name, or the bzImage of that path; UsageError where there is neither."""
    if origin := REGISTRY.get(name):
        return origin.kernel(update)
    path = Path(name)
    if path.is_file():
        return Kernel(release_of(path), path.absolute(), None)
    raise UsageError(f"unknown kernel {name}; known: {', '.join(REGISTRY)}, or a bzImage's path")


def release_of(bzimage: Path) -> str:
    """What uname -r will say, read from the boot header.

    Documentation/arch/x86/boot.rst: magic "HdrS" at 0x202, kernel_version at 0x20e.
    """
    data = bzimage.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise UsageError(f"{bzimage} is not a bzImage")
    start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    text = data[start : data.index(b"\0", start)]
    return text.split(b" ")[0].decode(errors="replace")


def _newest(series: str, suites: Sequence[str]) -> _Choice:
    ask_again = time.time() + ASK_AGAIN_SECONDS
    choices = []
    for suite in suites:
        root = debian.AptRoot(suite)
        root.update()
        images = [
            package
            for package in root.packages(f"linux-image-{series}.")
            if package.endswith("-cloud-amd64") and "-unsigned-" not in package
        ]
        choices += [
            _Choice(suite, package, version, ask_again)
            for package, version in root.versions(images).items()
        ]
    if not choices:
        raise LabError(f"no cloud kernel {series} in {', '.join(suites)}")
    return max(choices, key=functools.cmp_to_key(_compare_versions))


def _compare_versions(one: _Choice, other: _Choice) -> int:
    compared = ["dpkg", "--compare-versions", one.version, "lt", other.version]
    return -1 if subprocess.run(compared, check=False).returncode == 0 else 1


def _unpacked(choice: _Choice) -> Kernel:
    def build(folder: Path) -> None:
        root = debian.AptRoot(choice.suite)
        # From 7.2 on the image package is empty and these hold what it held.
        split = [name for name in root.depends(choice.package) if name.endswith(choice.release)]
        with cache.scratch("kernel") as files:
            root.unpack([choice.package, *split], files)
            modules = files / "usr/lib/modules"
            if not modules.is_dir():
                modules = files / "lib/modules"
            found = [
                files / f"boot/vmlinuz-{choice.release}",
                modules / choice.release / "vmlinuz",
            ]
            bzimage = next(path for path in found if path.is_file())
            bzimage.rename(folder / "bzImage")
            run(["depmod", "-b", modules.parent.parent, choice.release])
            ext4.make(folder / "modules.ext4", "lab-modules", ext4.size_for(modules), modules)

    entry = cache.entry("kernels", choice.entry, build)
    return Kernel(choice.release, entry / "bzImage", entry / "modules.ext4")
