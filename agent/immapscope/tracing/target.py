# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session is about: the files that were asked for, and the Snapshot that results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from immapscope.snapshot import Snapshot
from immapscope.tracing.assemble import Context, assemble
from immapscope.tracing.counters import Counters
from immapscope.tracing.mapped import mapped_files
from immapscope.tracing.session import Session
from immapscope.tracing.wanted import Wanted
from immapscope.who import Who


class Target:
    """A session together with WHO it is for; paths are resolved before it opens."""

    def __init__(self, session: Session, whos: Sequence[Who]) -> None:
        self._session = session
        mapped = mapped_files(whos) if session.model.has_tree_locks else ()
        self._wanted = Wanted(whos, session.learn, mapped)

    def open(self) -> None:
        """From here on events count."""
        self._session.open()

    def read(self) -> Snapshot:
        """What was counted so far."""
        return self.snapshot(self._session.read())

    def close(self) -> Snapshot:
        """What the whole session counted; afterwards nothing is left in the kernel."""
        return self.snapshot(self._session.close())

    def snapshot(self, counters: Counters) -> Snapshot:
        """What these counters say of the files that were asked for."""
        session, wanted = self._session, self._wanted.now()
        context = Context(
            kernel=session.facts,
            mode=session.request.mode,
            started=session.started,
            duration_ns=session.duration_ns,
            spin_known=session.model.has_contention_begin,
            tree_operations=session.request.tree_operations,
            wanted=wanted.matches,
            paths=wanted.paths,
            placement=session.placement,
        )
        snapshot = assemble(counters, context)
        return replace(snapshot, notes=(*snapshot.notes, *wanted.unseen(snapshot)))
