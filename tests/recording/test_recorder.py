# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorder reads all that the ring gives, and writes groups and footers when they are due."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from immapscope.errors import UsageError
from immapscope.recording.files import FileRows
from immapscope.recording.header import Header
from immapscope.recording.reader import Recording
from immapscope.recording.recorder import Recorder
from immapscope.recording.records import RECORD, Records
from immapscope.recording.rows import Rows
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer
from tests.recording.made import HEADER, OPENED_NS, files, records, storm


class Source:
    """Stands in for the ring."""

    def __init__(self) -> None:
        self._records = np.empty(0, RECORD)
        self._lock = threading.Lock()

    def put(self, more: Records) -> None:
        with self._lock:
            self._records = np.concatenate([self._records, more])

    def read(self, most: int) -> Records:
        with self._lock:
            read, self._records = self._records[:most], self._records[most:]
            return read


class Running:
    """A recorder that runs, with a clock that a test moves."""

    def __init__(self, path: Path) -> None:
        self.now = 0.0
        self.source = Source()
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self.footers = 0
        self.recorder = Recorder(
            self.source,
            Writer(self.descriptor),
            Rows(OPENED_NS),
            self._header,
            FileRows(lambda: files([b"libc.so.6"])),
            clock=lambda: self.now,
        )

    def _header(self, rows: Mapping[str, int]) -> Header:
        self.footers += 1
        return replace(HEADER, complete=False, rows=dict(rows))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def running(path: Path) -> Iterator[Running]:
    made = Running(path)
    yield made
    os.close(made.descriptor)


def readable(path: Path) -> bool:
    try:
        Recording(path).close()
    except UsageError:
        return False
    return True


def until(what: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    assert callable(what)
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_all_that_was_given_is_in_the_file(running: Running, path: Path) -> None:
    running.recorder.start()
    for seed in range(5):
        running.source.put(records(storm(seed, 100)))
    running.recorder.stop()
    running.recorder.finish(HEADER, {2: ("entry", "down_write")})
    with Recording(path) as recording:
        assert recording.row_count == 500 + 1 + 1
        assert not recording.truncated
        (stack,) = recording.table([Kind.STACK]).to_pylist()
    assert (stack["stack"], stack["frames"]) == (2, "entry;down_write")
    assert running.recorder.row_count == 502


def test_what_waited_long_is_written_and_readable_before_the_end(
    running: Running, path: Path
) -> None:
    running.recorder.start()
    running.source.put(records(storm(1, 100)))
    until(lambda: running.recorder.row_count == 100)
    assert path.stat().st_size == 0
    running.now = 6.0
    # The footer is the last that is written.
    until(lambda: readable(path))
    with Recording(path) as recording:
        assert recording.truncated
        assert recording.row_count == 101
    running.recorder.stop()


def test_what_was_read_counts_while_it_is_being_written(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    write = Writer.write

    def looked_at(self: Writer, kind: Kind, rows: pa.Table) -> None:
        seen.append(running.recorder.row_count)
        write(self, kind, rows)

    monkeypatch.setattr(Writer, "write", looked_at)
    running.recorder.start()
    running.source.put(records(storm(1, 100)))
    until(lambda: running.recorder.row_count == 100)
    running.now = 6.0
    until(lambda: running.footers == 1)
    running.recorder.stop()
    assert seen
    assert set(seen) == {100}


def test_a_long_recording_has_its_groups_further_apart(running: Running) -> None:
    running.now = 10_000.0
    running.recorder.start()
    running.source.put(records(storm(1, 10)))
    until(lambda: running.footers == 1)
    running.now += 50.0
    running.source.put(records(storm(2, 10)))
    until(lambda: running.recorder.row_count == 21)
    assert running.footers == 1
    running.recorder.stop()


def test_what_the_file_system_says_is_kept(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, rest: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("immapscope.recording.writer.os.write", full)
    running.recorder.start()
    running.source.put(records(storm(1, 10)))
    running.recorder.stop()
    assert running.recorder.error is not None
    with pytest.raises(OSError, match="No space"):
        running.recorder.finish(HEADER, {})


def test_stacks_that_were_met_are_known(running: Running) -> None:
    running.recorder.start()
    running.source.put(records(storm(1, 200)))
    running.recorder.stop()
    assert running.recorder.stack_ids == {-1, 0, 1, 2}
