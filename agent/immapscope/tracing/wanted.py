# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that a session is about: WHO, with paths led to the inodes whose locks they take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from immapscope.snapshot import Inode, Snapshot
from immapscope.tracing.assemble import device_name
from immapscope.who import FileNumber, PathWho, Who

#: Device (the kernel's dev_t) and number of the inode behind a path; None where nothing was seen.
Learn = Callable[[bytes], tuple[int, int] | None]


class Wanted:
    """WHO, once; `now` is asked at each reading, since a path may come into being later."""

    def __init__(self, whos: Sequence[Who], learn: Learn, mapped: Iterable[bytes] = ()) -> None:
        """`mapped` are paths of what names mean, where locks are known only from their mapping."""
        self._whos = [_learnt(who, learn) for who in whos]
        for path in mapped:
            # Who had it may have gone, and not everybody may look.
            with suppress(OSError):
                learn(path)

    def now(self) -> WantedNow:
        """As of this moment."""
        return WantedNow([_looked_up(who) for who in self._whos])


class WantedNow:
    """WHO with every path resolved that leads somewhere."""

    def __init__(self, whos: Sequence[Who]) -> None:
        self._whos = whos

    @property
    def matches(self) -> Callable[[Inode], bool] | None:
        """Whether a file is meant; None where every file is."""
        if not self._whos:
            return None
        return lambda inode: any(who.matches(inode) for who in self._whos)

    @property
    def paths(self) -> dict[FileNumber, str]:
        """The paths that lead to (device, number)."""
        return {
            file: who.text
            for who in self._whos
            if isinstance(who, PathWho)
            for file in who.resolved
        }

    def unseen(self, snapshot: Snapshot) -> Iterator[str]:
        """A note on each WHO that meant nothing of what was seen."""
        sections = (snapshot.rows, snapshot.shards, snapshot.tree_operations)
        seen = {part.inode for section in sections for part in section if part.inode is not None}
        for who in self._whos:
            if not any(who.matches(inode) for inode in seen):
                yield f"--inode {who.text}: no lock of such a file was seen"


def _learnt(who: Who, learn: Learn) -> Who:
    if not isinstance(who, PathWho):
        return who
    try:
        device, number = learn(os.fsencode(who.text)) or (None, None)
    except OSError:
        # It may come into being during the session, and is looked for again at each reading.
        return who
    if device is None or number is None:
        return who
    return who.resolved_to([(device_name(device), number)])


def _looked_up(who: Who) -> Who:
    """A path that led nowhere before the session, as stat() sees it now."""
    if not isinstance(who, PathWho) or who.resolved:
        return who
    try:
        found = os.stat(os.fsencode(who.text))
    except (OSError, ValueError):
        return who
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    return who.resolved_to([(device, found.st_ino)])
