# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that processes have mapped now, found by name or number before a session opens.

Where each tree has a lock of its own, a lock is known once its file was mapped before the agent's
eyes (docs/layouts.md). A path says which file to map; for a name every process's maps are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from immapscope.who import InodeWho, NameWho, Who

#: A glob may mean every file there is; a session should begin all the same.
MOST: Final = 256

# address perms offset device inode path (fs/proc/task_mmu.c, show_map_vma())
_MAPPING = re.compile(
    rb"(?P<address>\S+) \S+ [0-9a-f]+ (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+) "
    rb"(?P<number>[1-9]\d*) +(?P<path>/.*)"
)
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_DELETED: Final = b" (deleted)"


def mapped_files(whos: Sequence[Who], proc: Path = Path("/proc")) -> Iterator[bytes]:
    """A path to open for each file that a name or a number of WHO means, at most `MOST`.

    The path is that of the mapping itself, so it leads to deleted files and into other mount
    namespaces. Device and number are stat()'s, which on overlayfs are not the lock's.
    """
    wanted = [who for who in whos if isinstance(who, NameWho | InodeWho)]
    seen: set[tuple[bytes, ...]] = set()
    found = 0
    for folder in _processes(proc) if wanted else ():
        for mapping in _mappings(folder):
            file = mapping["major"], mapping["minor"], mapping["number"]
            if file in seen:
                continue
            seen.add(file)
            if found < MOST and any(_means(who, mapping) for who in wanted):
                found += 1
                # maps pads addresses with zeros, map_files does not.
                address = b"-".join(part.lstrip(b"0") for part in mapping["address"].split(b"-"))
                yield bytes(folder) + b"/map_files/" + address


def _processes(proc: Path) -> Iterator[Path]:
    return (folder for folder in proc.iterdir() if folder.name.isdecimal())


def _mappings(folder: Path) -> Iterator[re.Match[bytes]]:
    try:
        lines = (folder / "maps").read_bytes().splitlines()
    except OSError:
        # It has gone meanwhile.
        return
    for line in lines:
        if match := _MAPPING.fullmatch(line):
            yield match


def _means(who: NameWho | InodeWho, mapping: re.Match[bytes]) -> bool:
    if isinstance(who, InodeWho):
        device = f"{int(mapping['major'], 16)}:{int(mapping['minor'], 16)}"
        return (who.device, who.number) == (device, int(mapping["number"]))
    path = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), mapping["path"])
    name = path.removesuffix(_DELETED).rpartition(b"/")[2]
    return who.pattern.fullmatch(name.decode(errors="surrogateescape")) is not None
