# SPDX-License-Identifier: GPL-2.0-or-later
"""A session that is recorded: what `run` opens, reads and closes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from immapscope.recording.files import FileRows
from immapscope.recording.header import Header
from immapscope.recording.recorder import Progress, Recorder
from immapscope.recording.records import REFUSED
from immapscope.recording.ring import Ring
from immapscope.recording.rows import Rows
from immapscope.recording.summary import slot_counts
from immapscope.recording.writer import Writer
from immapscope.snapshot import Snapshot
from immapscope.tracing.counters import Counters, map_array
from immapscope.tracing.session import Session
from immapscope.tracing.target import Target


class Recorded:
    """`descriptor` is of a file, at its beginning. Where the disk is full `read` or `close` tell.

    The snapshots are those of the session's own counters, which know nothing of the recording.
    """

    def __init__(self, session: Session, descriptor: int, command: Sequence[str]) -> None:
        self._session = session
        self._target = Target(session, ())
        self._descriptor = descriptor
        self._writer = Writer(descriptor)
        self._command = tuple(command)
        self._ring = Ring.mapped(session.module.map_fd("ring"), session.sizes.ring)
        self._refused = map_array(session.module.map_fd("refused"), REFUSED, session.sizes.files)
        self._recorder: Recorder | None = None

    def open(self) -> None:
        """From here on events are recorded, in place of what the file held."""
        os.ftruncate(self._descriptor, 0)
        self._target.open()
        counting = self._session.counting
        self._recorder = Recorder(
            self._ring, self._writer, Rows(counting.opened_ns), self._header_now,
            FileRows(lambda: counting.used_files.copy()),
        )  # fmt: skip
        self._recorder.start()

    def read(self) -> Snapshot:
        """What was counted so far."""
        if self._recorder is not None and self._recorder.error is not None:
            raise self._recorder.error
        return self._target.read()

    def close(self) -> Snapshot:
        """What the whole session counted; the recording is complete."""
        session, recorder = self._session, self._recorder
        assert recorder is not None
        session.stop()
        recorder.stop()
        frames = {
            stack: session.frames(stack) for stack in sorted(recorder.stack_ids) if stack >= 0
        }
        counters = session.close()
        header = self._header(counters, recorder.rows, complete=True)
        recorder.finish(header, frames)
        return self._target.snapshot(counters)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        if self._recorder is None:
            return Progress(0, 0, 0)
        refused = int(self._refused["records"].sum())
        return Progress(self._recorder.row_count, self._recorder.size, refused)

    def _header_now(self, rows: Mapping[str, int]) -> Header:
        return self._header(self._session.read(), rows, complete=False)

    def _header(self, counters: Counters, rows: Mapping[str, int], complete: bool) -> Header:
        session = self._session
        placement, request = session.placement, session.request
        kernel = replace(
            session.facts, shards=max(1, counters.shards), shard_policy=placement.policy
        )
        cpus = counters.cpus
        return Header(
            kernel=kernel,
            mode=request.mode,
            started=session.started,
            duration_ns=session.duration_ns,
            complete=complete,
            node_of_cpu=session.machine.node_of_cpu,
            home_nodes=dict(placement.home_nodes),
            spin_known=session.model.has_contention_begin,
            all_stacks=request.all_stacks,
            command=self._command,
            model=_told(session),
            entered=_pair(cpus["entered"].sum(axis=0)),
            boundary=_pair(cpus["boundary"].sum(axis=0)),
            execs=int(cpus["execs"].sum()),
            forks=int(cpus["forks"].sum()),
            recursion=counters.recursion,
            slots=slot_counts(counters, self._refused),
            locks_full=counters.locks_full,
            rows=dict(rows),
        )


def _pair(counts: Sequence[int]) -> tuple[int, int]:
    return int(counts[0]), int(counts[1])


def _told(session: Session) -> dict[str, object]:
    """Of the kernel model, what a person who doubts a recording would look at."""
    return {
        "offsets": dict(session.model.offsets),
        "programs": [f"{one.program.kind}:{one.program.target}" for one in session.attached],
    }
