# SPDX-License-Identifier: GPL-2.0-or-later
"""ext4 images as ordinary files, filled and read without mounting and without root."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.programs import run


def make_command(image: Path, label: str, size_mib: int, offset_mib: int = 0) -> list[str]:
    """What makes an empty image; with `-d FOLDER` after it, one with a copy of the folder."""
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", label]
    # A guest's disks live for one run: a journal would only cost time.
    command += ["-O", "^has_journal", "-E", f"root_owner=0:0,offset={offset_mib << 20}"]
    return [*command, str(image), f"{size_mib}M"]


def make(image: Path, label: str, size_mib: int, content: Path | None = None) -> None:
    """Make the image; it is sparse, so its size costs nothing until it is used."""
    run([*make_command(image, label, size_mib), *(["-d", str(content)] if content else [])])


def size_for(folder: Path) -> int:
    """MiB of an image in which the folder's files fit, with room to write as much again."""
    used = 0
    for path in folder.rglob("*"):
        # Each file also takes an inode and leaves its last block half empty.
        used += path.lstat().st_size + 4096 + 512
    return 2 * (used >> 20) + 64


def extract(image: Path, scratch: Path, into: Path) -> None:
    """Copy an image's files over those in `into`; both folders are made if need be."""
    scratch.mkdir()
    run(["debugfs", "-R", f"rdump / {scratch}", image])
    shutil.rmtree(scratch / "lost+found", ignore_errors=True)
    _merge(scratch, into)


def _merge(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        place = target / path.name
        if path.is_dir() and not path.is_symlink():
            _merge(path, place)
        else:
            place.unlink(missing_ok=True)
            shutil.move(path, place)
