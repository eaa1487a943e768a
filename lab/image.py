"""The guest's root file system: Debian trixie with BCC and friends, and a venv with wheels."""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import sys
import time
from pathlib import Path

from lab import cache, debian, ext4
from lab.errors import LabError
from lab.programs import run

SUITE = "trixie"
PYTHON = "3.13"
PACKAGES = (
    "python3",
    "python3-bpfcc",
    "bpftool",
    "bpftrace",
    "iproute2",
    "kmod",
    "libbpf1",
    "mount",
    "passwd",
    "procps",
    "stress-ng",
    "util-linux",
)
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/zoneinfo/*",
    # stress-ng's graphics stressors pull in a driver of 40 MB.
    "/usr/lib/x86_64-linux-gnu/libgallium*",
)
GUEST = Path(__file__).parent / "guest"
REQUIREMENTS = GUEST / "requirements.txt"
PROGRAMS = {"immapscope": "bin", "mount-disk": "sbin", "start": "sbin"}
FIRST_PROGRAM = "/usr/local/sbin/start"
DISK_SIGNATURE = 0x696D6D61
PARTUUID = f"{DISK_SIGNATURE:08x}-01"
KEEP_SECONDS = 30 * cache.DAY_SECONDS


def find(update: bool = False) -> Path:
    """The image, at most 30 days old while the mirror answers.

    It is known by the text of its recipe, not by the versions of the suite's packages: a stable
    suite changes little in 30 days, and asking would cost every run.
    """
    texts = [Path(__file__), REQUIREMENTS, GUEST / "setup", *(GUEST / name for name in PROGRAMS)]
    recipe = cache.key(*(path.read_bytes() for path in texts))
    with cache.locked("image"):
        built = sorted((cache.directory() / "image").glob(f"{recipe}-*/root.img"))
        newest = built[-1] if built else None
        if newest and not update and time.time() - newest.stat().st_mtime < KEEP_SECONDS:
            cache.find("image", newest.parent.name)
            return newest
        name = f"{recipe}-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"
        try:
            return cache.entry("image", name, _build) / "root.img"
        except LabError as error:
            if newest is None:
                raise
            print(f"lab: {error}; the guest image stays as cached", file=sys.stderr)
            retry = time.time() - KEEP_SECONDS + cache.RETRY_SECONDS
            os.utime(newest, (retry, retry))
            return newest


def partition_table(size_mib: int) -> bytes:
    """A disk's first sector: one Linux partition of that size after the first MiB.

    The kernel numbers disks in the order in which they answer; without an initramfs only the
    PARTUUID of a partition names the root for certain.
    """
    sectors = 2048
    entry = struct.pack("<B3sB3sII", 0, b"", 0x83, b"", sectors, size_mib * sectors)
    return struct.pack("<440sI2s64s2s", b"", DISK_SIGNATURE, b"", entry, b"\x55\xaa")


def _build(folder: Path) -> None:
    print("lab: building the guest image, about two minutes", file=sys.stderr)
    with cache.scratch("image") as work:
        _unpack_wheels(work / "wheels", work / "pip")
        _make_tar(work / "root.tar", work / "wheels", work / "sources")
        _make_disk(folder / "root.img", work / "root.tar", work / "root")


def _unpack_wheels(folder: Path, venv: Path) -> None:
    """Unpack the requirements with a pip of our own: the machine's python3 may come without."""
    run([sys.executable, "-m", "venv", venv])
    command: list[str | Path] = [venv / "bin/python", "-m", "pip", "--quiet", "install"]
    command += ["--disable-pip-version-check", "--no-deps", "--no-compile"]
    command += ["--only-binary=:all:", "--python-version", PYTHON]
    for glibc in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
        command += ["--platform", f"{glibc}_x86_64"]
    run([*command, "--target", folder, "--requirement", REQUIREMENTS])
    # Scripts there would start the host's Python.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _make_tar(tar: Path, wheels: Path, sources: Path) -> None:
    lines = debian.source_lines(debian.machine_mirror(), SUITE)
    sources.write_text("".join(line + "\n" for line in lines))
    guest = shlex.quote(str(GUEST))
    hooks = [f'install -m 755 {guest}/{name} "$1/usr/local/{at}"' for name, at in PROGRAMS.items()]
    hooks.append('mkdir "$1/opt/immapscope"')
    hooks.append(f'cp -r {shlex.quote(str(wheels))} "$1/opt/immapscope"')
    hooks.append(f'install -m 755 {guest}/setup "$1/setup" && chroot "$1" /setup && rm "$1/setup"')
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={','.join(PACKAGES)}"]
    command += ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    command += [f"--customize-hook={hook}" for hook in hooks]
    run([*command, SUITE, str(tar), str(sources)])


def _make_disk(disk: Path, tar: Path, root: Path) -> None:
    # Files keep their owners: a user who is not root unpacks inside a user namespace.
    enter = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    run([*enter, "sh", "-c", 'mkdir "$1" && tar -x -f "$2" -C "$1"', "sh", str(root), str(tar)])
    size = ext4.size_for(root)
    run([*enter, *ext4.make_command(disk, "lab-root", size, root, offset_mib=1)])
    with open(disk, "r+b") as handle:
        handle.write(partition_table(size))
        handle.truncate((size + 1) << 20)
