# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest is given on its second disk: the agent as it is now, files, and COMMAND."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from lab import ext4
from lab.errors import UsageError

CHECKOUT = Path(__file__).parent.parent
PARTS = ("agent", "probes", "lab/workloads", "tests", "pyproject.toml", "config.yaml", "systemd")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".git", ".venv", "*.egg-info", ".*_cache")
SPARE_MIB = 1024
GUEST = Path(__file__).parent / "guest"
# What starts COMMAND in there: process 1, what it becomes, and systemd's unit for that.
STARTERS = ("init", "run", "command.service")


def check(files: Sequence[Path]) -> None:
    """UsageError for a file that is not there or a name given twice."""
    names: set[str] = set()
    for file in files:
        if not file.exists():
            raise UsageError(f"no file {file}")
        if _name(file) in names:
            raise UsageError(f"two files are called {_name(file)}")
        names.add(_name(file))


def make_disk(disk: Path, folder: Path, files: Sequence[Path], command: Sequence[bytes]) -> None:
    """Lay the job out in `folder` and make a disk of it."""
    work = folder / "work"
    work.mkdir(parents=True)
    for name in STARTERS:
        shutil.copy(GUEST / name, folder / name)
    (folder / "command").write_bytes(script(command))
    for part in PARTS:
        _copy(CHECKOUT / part, folder / "checkout" / part)
    for file in files:
        _copy(file, work / _name(file))
    ext4.make(disk, "lab-job", ext4.size_for(folder) + SPARE_MIB, folder)


def script(command: Sequence[bytes]) -> bytes:
    """Shell text that enters the folder of the files, and becomes COMMAND."""
    return b"cd /lab/work\nexec " + shell_words(command) + b"\n"


def shell_words(words: Sequence[bytes]) -> bytes:
    """Words that a POSIX shell reads as exactly these bytes."""
    return b" ".join(b"'" + word.replace(b"'", b"'\\''") + b"'" for word in words)


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=LEFT_OUT)
    else:
        shutil.copy2(source, target)


def _name(file: Path) -> str:
    return file.absolute().name
