# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session is about: the files that were asked for, and the Snapshot that results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from immapscope.snapshot import Inode, KernelFacts, Snapshot
from immapscope.tracing.assemble import Context, assemble, device_name
from immapscope.tracing.counters import Counters
from immapscope.tracing.session import Session
from immapscope.who import FileNumber, PathWho, Who


class Target:
    """A session together with WHO it is for; paths are resolved before it opens."""

    def __init__(self, session: Session, whos: Sequence[Who]) -> None:
        self._session = session
        self._whos = [self._resolved(who) for who in whos]

    def open(self) -> None:
        """From here on events count."""
        self._session.open()

    def read(self) -> Snapshot:
        """What was counted so far."""
        return self._snapshot(self._session.read())

    def close(self) -> Snapshot:
        """What the whole session counted; afterwards nothing is left in the kernel."""
        return self._snapshot(self._session.close())

    def _resolved(self, who: Who) -> Who:
        if not isinstance(who, PathWho):
            return who
        try:
            device, number = self._session.learn(os.fsencode(who.text)) or (None, None)
        except OSError:
            # It may come into being during the session, and is looked for again at each reading.
            return who
        if device is None or number is None:
            return who
        return who.resolved_to([(device_name(device), number)])

    def _snapshot(self, counters: Counters) -> Snapshot:
        session = self._session
        whos = [_looked_up(who) for who in self._whos]
        model, machine = session.model, session.machine
        kernel = KernelFacts(
            release=model.release,
            layout=model.layout.value,
            shards=1,
            shard_policy=None,
            attach=session.request.attach.value,
            nodes=machine.populated_nodes,
            cpus=machine.online,
        )
        context = Context(
            kernel=kernel,
            mode=session.request.mode,
            started=session.started,
            duration_ns=session.duration_ns,
            spin_known=model.has_contention_begin,
            tree_operations=session.request.tree_operations,
            wanted=_any_of(whos) if whos else None,
            paths=_paths(whos),
        )
        snapshot = assemble(counters, context)
        return replace(snapshot, notes=(*snapshot.notes, *_unseen(whos, snapshot)))


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


def _any_of(whos: Sequence[Who]) -> Callable[[Inode], bool]:
    return lambda inode: any(who.matches(inode) for who in whos)


def _paths(whos: Sequence[Who]) -> dict[FileNumber, str]:
    return {file: who.text for who in whos if isinstance(who, PathWho) for file in who.resolved}


def _unseen(whos: Sequence[Who], snapshot: Snapshot) -> Iterator[str]:
    """A note on each WHO that meant nothing of what was seen."""
    sections = (snapshot.rows, snapshot.shards, snapshot.tree_operations)
    seen = {part.inode for section in sections for part in section if part.inode is not None}
    for who in whos:
        if not any(who.matches(inode) for inode in seen):
            yield f"--inode {who.text}: no lock of such a file was seen"
