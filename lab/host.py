"""What the lab needs of the machine it runs on: python3 -m lab.host [--install]."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import debian
from lab.programs import PATH

PROGRAMS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
}
# Without root, mmdebstrap works in a user namespace with the ids that this maps.
PROGRAMS_WITHOUT_ROOT = {"newuidmap": "uidmap"}


def missing() -> dict[str, str]:
    """What is not there, each with Debian's package for it."""
    needed = dict(PROGRAMS)
    if os.geteuid() != 0:
        needed |= PROGRAMS_WITHOUT_ROOT
    absent = {name: needed[name] for name in needed if shutil.which(name, path=PATH) is None}
    if not debian.KEYRING.is_file():
        absent[str(debian.KEYRING)] = "debian-archive-keyring"
    if importlib.util.find_spec("ensurepip") is None:
        absent["ensurepip for python3"] = "python3-venv"
    return absent


def missing_packages() -> list[str]:
    """Debian's packages that would bring what is missing, sorted."""
    return sorted(set(missing().values()))


def is_debian(os_release: str) -> bool:
    """Whether that text of /etc/os-release is Debian's own."""
    return any(line.strip() in ("ID=debian", 'ID="debian"') for line in os_release.splitlines())


def main(words: Sequence[str]) -> int:
    """0 when nothing is missing any more, 1 when the user has to act, 2 for wrong usage."""
    if list(words) not in ([], ["--install"]):
        print("lab: usage: python3 -m lab.host [--install]", file=sys.stderr)
        return 2
    packages = missing_packages()
    if not packages:
        return 0
    os_release = Path("/etc/os-release")
    if not (os_release.is_file() and is_debian(os_release.read_text())):
        print(f"lab: missing on this machine: {', '.join(missing())}", file=sys.stderr)
        return 1
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not words or os.geteuid() != 0:
        print(f"lab: packages are missing; as root: {' '.join(install)}", file=sys.stderr)
        return 1
    print(f"lab: installing {' '.join(packages)}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "-qq", "update"], [*install, "-qq"]):
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            print(f"lab: {' '.join(command)} failed", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
