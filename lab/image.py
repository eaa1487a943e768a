# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's root file system: Debian trixie with BCC and friends, and a venv with wheels."""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import sys
import tarfile
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
    "make",
    "mount",
    "passwd",
    "procps",
    # With make, what `make install` needs on the machine to be traced.
    "python3-venv",
    "stress-ng",
    "systemd",
    "util-linux",
)
# What pip is told, so that it takes wheels for the guest's Python and not for its own.
FOR_THE_GUEST = (
    "--only-binary=:all:",
    f"--python-version={PYTHON}",
    *(
        f"--platform={glibc}_x86_64"
        for glibc in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    ),
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
PACK = Path(__file__).parent / "pack-disk"
REQUIREMENTS = GUEST / "requirements.txt"
PROGRAMS = {"immapscope": "bin", "mount-disk": "sbin", "start": "sbin"}
SETUP = GUEST / "setup"
FIRST_PROGRAM = "/usr/local/sbin/start"
RECIPE = (Path(__file__), REQUIREMENTS, PACK, SETUP, *(GUEST / name for name in PROGRAMS))
DISK_SIGNATURE = 0x696D6D61
PARTUUID = f"{DISK_SIGNATURE:08x}-01"
KEEP_SECONDS = 30 * cache.DAY_SECONDS


def find(update: bool = False) -> Path:
    """The image, at most 30 days old while the mirror answers.

    It is known by the text of its recipe, not by the versions of the suite's packages: a stable
    suite changes little in 30 days, and asking would cost every run.
    """
    recipe = cache.key(*(path.read_bytes() for path in RECIPE))
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
    print("lab: building the guest image, one to two minutes", file=sys.stderr)
    with cache.scratch("image") as work:
        _unpack_wheels(work / "tree/opt/immapscope/wheels", work / "pip")
        for name, place in PROGRAMS.items():
            _install(GUEST / name, work / "tree/usr/local" / place)
        _install(SETUP, work / "tree")
        with tarfile.open(work / "tree.tar", "w") as archive:
            archive.add(work / "tree", arcname=".", filter=_owned_by_root)
        _bootstrap(work / "root.tar", work / "tree.tar", work / "sources")
        _pack(folder / "root.img", work / "root.tar")


def _install(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder)
    (folder / file.name).chmod(0o755)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode |= 0o755 if member.isdir() else 0o644
    return member


def _unpack_wheels(folder: Path, venv: Path) -> None:
    """Unpack the requirements, by a pip of our own: the machine's python3 may come without."""
    run([sys.executable, "-m", "venv", venv])
    command: list[str | Path] = [venv / "bin/python", "-m", "pip", "--quiet", "install"]
    command += ["--disable-pip-version-check", "--no-deps", "--no-compile", *FOR_THE_GUEST]
    run([*command, "--target", folder, "--requirement", REQUIREMENTS])
    # Scripts there would start the host's Python.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _bootstrap(tar: Path, additions: Path, sources: Path) -> None:
    lines = debian.source_lines(debian.machine_mirror(), SUITE)
    sources.write_text("".join(line + "\n" for line in lines))
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={','.join(PACKAGES)}"]
    command += ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    command += [f"--customize-hook=tar-in {shlex.quote(str(additions))} /"]
    command += ['--customize-hook=chroot "$1" /setup', '--customize-hook=rm "$1/setup"']
    run([*command, SUITE, str(tar), str(sources)])


def _pack(disk: Path, tar: Path) -> None:
    """Make the disk of the tar; who is not root does so in a user namespace, for files' owners."""
    root = os.geteuid() == 0
    enter = [] if root else ["mmdebstrap", "--unshare-helper"]
    environment = {"TMPDIR": str(tar.parent) if root else "/var/tmp"}
    size_mib = 2 * (tar.stat().st_size >> 20)
    make = ext4.make_command(Path("/proc/self/fd/1"), "lab-root", size_mib, offset_mib=1)
    command = [*enter, "sh", str(PACK), *make]
    disk.touch()
    disk.chmod(0o666)
    with open(tar, "rb") as source, open(disk, "r+b") as target:
        run(command, environment=environment, stdin=source, stdout=target)
        target.seek(0)
        target.write(partition_table(size_mib))
        target.truncate((size_mib + 1) << 20)
    # The one device that the kernel itself opens before there is a devtmpfs.
    commands = tar.parent / "debugfs"
    commands.write_text("cd /dev\nmknod console c 5 1\n")
    run(["debugfs", "-w", "-f", commands, f"{disk}?offset={1 << 20}"])
