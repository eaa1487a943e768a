# SPDX-License-Identifier: GPL-2.0-or-later
"""How a file is called in a table: by its name, and by more where several share that name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from immapscope.grouping import FileIdentity, identity
from immapscope.outputs.printable import printable
from immapscope.snapshot import Inode

OTHER_FILES: Final = "(other files)"


def labels(inodes: Iterable[Inode | None]) -> dict[FileIdentity, str]:
    """A printable label for each file, no two alike.

    Files of one name go by their paths where those tell them apart, else by name and
    `[MAJOR:MINOR:NUMBER]`, which `--inode` takes; a number that was used again adds its generation.
    """
    files = {identity(inode): inode for inode in inodes if inode is not None}
    same_name: dict[str, list[Inode]] = {}
    for inode in files.values():
        same_name.setdefault(_name(inode), []).append(inode)
    return {
        identity(inode): label + (" (deleted)" if inode.deleted else "")
        for namesakes in same_name.values()
        for inode, label in zip(namesakes, _told_apart(namesakes), strict=True)
    }


def _name(inode: Inode) -> str:
    return _number(inode) if inode.name is None else printable(inode.name)


def _number(inode: Inode) -> str:
    return f"{inode.device}:{inode.number}"


def _told_apart(namesakes: Sequence[Inode]) -> list[str]:
    if len(namesakes) == 1:
        return [_name(namesakes[0])]
    paths = {inode.path for inode in namesakes}
    if None not in paths and len(paths) == len(namesakes):
        return [printable(inode.path or "") for inode in namesakes]
    numbers = [_number(inode) for inode in namesakes]
    return [
        f"{_name(inode)} [{number}]"
        if numbers.count(number) == 1
        else f"{_name(inode)} [{number} generation {inode.generation}]"
        for inode, number in zip(namesakes, numbers, strict=True)
    ]
