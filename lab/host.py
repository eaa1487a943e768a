# SPDX-License-Identifier: GPL-2.0-or-later
"""What this machine must have, and installing it: python3 -m lab.host [--install] [WHAT]...

WHAT is `trace` (for a machine to be traced: the agent and its venv), `lab` (for guests and their
workloads), `tests` (for those that need no guest) or `kernels` (to build kernels of our own); the
first three where none is named. Run it with /usr/bin/python3: Debian's packages are for that.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab import debian
from lab.programs import PATH

PURPOSES = ("trace", "lab", "tests")
KERNELS = "kernels"
OLDEST_DEBIAN = 12
PROGRAMS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
    "gcc": "gcc",
}
TESTING = {
    "g++": "g++",
    "openssl": "openssl",
    # The live page is looked at in a browser.
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
BUILDING_KERNELS = {
    "make": "make",
    "gcc": "gcc",
    "ccache": "ccache",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "patch": "patch",
    "xz": "xz-utils",
    "pahole": "dwarves",
    "depmod": "kmod",
}
# Without root, mmdebstrap works in a user namespace with the ids that this maps.
PROGRAMS_WITHOUT_ROOT = {"newuidmap": "uidmap"}
LIBELF = Path("/usr/include/libelf.h")
STATIC_LIBC = Path("/usr/lib/x86_64-linux-gnu/libc.a")


def missing(purposes: Sequence[str] = PURPOSES) -> dict[str, str]:
    """What is not there, each with Debian's package for it."""
    return dict(_missing(purposes))


def _missing(purposes: Sequence[str]) -> Iterator[tuple[str, str]]:
    # Both make a venv.
    if not _has_module("ensurepip"):
        yield "ensurepip for python3", "python3-venv"
    if "trace" in purposes:
        # PyPI's bcc is another package, which has no libbcc.
        if not _has_module("bcc") or not _has_module("bcc.libbcc"):
            yield "bcc for python3", "python3-bpfcc"
        if not _has_library("libbpf.so.1"):
            yield "libbpf.so.1", "libbpf1"
    if "tests" in purposes:
        yield from _absent(TESTING)
    if KERNELS in purposes:
        yield from _absent(BUILDING_KERNELS)
        if not LIBELF.is_file():
            yield "libelf's headers", "libelf-dev"
    if "lab" in purposes:
        needed = PROGRAMS if os.geteuid() == 0 else PROGRAMS | PROGRAMS_WITHOUT_ROOT
        yield from _absent(needed)
        if not debian.KEYRING.is_file():
            yield str(debian.KEYRING), "debian-archive-keyring"
        if not STATIC_LIBC.is_file():
            yield "a static libc", "libc6-dev"


def _absent(programs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return (one for one in programs.items() if shutil.which(one[0], path=PATH) is None)


def missing_packages(purposes: Sequence[str] = PURPOSES) -> list[str]:
    """Debian's packages that would bring what is missing, sorted."""
    return sorted(set(missing(purposes).values()))


def is_debian(os_release: str) -> bool:
    """Whether that text of /etc/os-release is Debian's own, of a release that is new enough.

    Testing and unstable name no VERSION_ID.
    """
    lines = os_release.replace('"', "").splitlines()
    says = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    version = says.get("VERSION_ID", str(OLDEST_DEBIAN))
    return says.get("ID") == "debian" and version.isdecimal() and int(version) >= OLDEST_DEBIAN


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def main(words: Sequence[str]) -> int:
    """0 when nothing is missing any more, 1 when the user has to act, 2 for wrong usage."""
    purposes = [word for word in words if word != "--install"]
    if not set(purposes) <= {*PURPOSES, KERNELS}:
        usage = " ".join(f"[{purpose}]" for purpose in (*PURPOSES, KERNELS))
        print(f"lab: usage: python3 -m lab.host [--install] {usage}", file=sys.stderr)
        return 2
    absent = missing(purposes or PURPOSES)
    packages = sorted(set(absent.values()))
    if not packages:
        return 0
    os_release = Path("/etc/os-release")
    if not (os_release.is_file() and is_debian(os_release.read_text())):
        print(
            f"lab: missing on this machine: {', '.join(absent)} (on Debian {OLDEST_DEBIAN} or "
            f"newer: {' '.join(packages)})",
            file=sys.stderr,
        )
        return 1
    if "--install" not in words or os.geteuid() != 0:
        command = " ".join(["apt-get install --no-install-recommends", *packages])
        print(f"lab: packages are missing; as root: {command}", file=sys.stderr)
        return 1
    return _install(packages)


def _install(packages: Sequence[str]) -> int:
    print(f"lab: installing {' '.join(packages)}", file=sys.stderr)
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    for command in ([*apt, "update"], install):
        done = subprocess.run(
            command, env=environment, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        if done.returncode != 0:
            sys.stderr.buffer.write(done.stdout)
            print(f"lab: {' '.join(command)} failed", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
