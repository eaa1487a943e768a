# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording's file: whole after every footer, readable wherever it was cut, never misread."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.errors import UsageError
from immapscope.recording.header import Header
from immapscope.recording.reader import Recording
from immapscope.recording.records import Records
from immapscope.recording.rows import Rows
from immapscope.recording.schema import METADATA_KEY, SCHEMA, Kind
from immapscope.recording.writer import Writer
from tests.recording.made import HEADER, counted, records, storm, write

BATCHES = 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """A recording of four batches, and its size after the footer of each."""
    path, sizes = tmp_path_factory.mktemp("recording") / "whole", []

    def batches() -> Iterator[Records]:
        for seed in range(BATCHES):
            if seed:
                sizes.append(path.stat().st_size)
            yield records(storm(seed, 50))

    write(path, batches())
    sizes.append(path.stat().st_size)
    return path.read_bytes(), sizes


def times(recording: Recording) -> list[int]:
    kinds = [Kind.ACQUISITION, Kind.WAIT, Kind.TREE, Kind.FAILED_TRYLOCK, Kind.EXEC]
    return sorted(recording.table(kinds, ["time_ns"])["time_ns"].to_pylist())


def test_any_reader_of_parquet_reads_it(whole: tuple[bytes, list[int]], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(whole[0])
    table = pq.read_table(path)
    assert table.num_rows == 50 * BATCHES + 2
    assert table.schema.equals(SCHEMA)


def test_rows_are_those_that_were_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, [records(storm(1, 50)), records(storm(2, 50))])
    with Recording(path) as recording:
        assert times(recording) == sorted(2 * [1000 * number for number in range(1, 51)])
        assert recording.count(Kind.FILE) == 2
        assert recording.header == HEADER
        assert not recording.truncated


@given(cut=st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_file_is_read_up_to_its_last_whole_footer(
    whole: tuple[bytes, list[int]],
    tmp_path_factory: pytest.TempPathFactory,
    cut: st.DataObject,
) -> None:
    content, sizes = whole
    length = cut.draw(st.integers(1, len(content)))
    path = tmp_path_factory.mktemp("cut") / "file"
    path.write_bytes(content[:length])
    finished = [size for size in sizes if size <= length]
    if not finished:
        with pytest.raises(UsageError, match=r"\A[^\n]*\Z"):
            Recording(path)
        return
    with Recording(path) as recording:
        assert recording.size == finished[-1]
        assert len(times(recording)) == 50 * len(finished)


def test_a_full_disk_leaves_the_groups_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(tmp_path / "full", os.O_RDWR | os.O_CREAT)
    writer = Writer(descriptor)
    tables = Rows(0).tables(records(storm(1, 50)))
    writer.write(Kind.TREE, tables[Kind.TREE])
    writer.finish(HEADER)
    size = writer.size
    writer.write(Kind.TREE, tables[Kind.TREE])
    written = os.write

    def full(fd: int, rest: bytes) -> int:
        if len(rest) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(fd, rest[:99])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        writer.finish(HEADER)
    os.close(descriptor)
    assert (tmp_path / "full").stat().st_size == size
    with Recording(tmp_path / "full") as recording:
        assert recording.count(Kind.TREE) == len(tables[Kind.TREE])


def _other_columns(path: Path) -> None:
    metadata = {METADATA_KEY: HEADER.dumped()}
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)


def _with_header(text: bytes) -> Any:
    def make(path: Path) -> None:
        table = SCHEMA.empty_table().replace_schema_metadata({METADATA_KEY: text})
        pq.write_table(table, path)

    return make


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b""), "it is not a Parquet file"),
        (lambda path: path.write_bytes(b"PAR1"), "it ends before its first row group does"),
        (lambda path: path.write_bytes(b"\0" * 100), "it is not a Parquet file"),
        (lambda path: path.write_bytes(b"PAR1" + b"x" * 99 + b"PAR1"), "it ends before"),
        (lambda path: pq.write_table(pa.table({"a": [1]}), path), "of another program"),
        (_other_columns, "its columns are not those of a recording"),
        (_with_header(b"{"), "not that of a recording"),
        (_with_header(b"[1]"), "not that of a recording"),
        (_with_header(b'{"version": 2}'), "it is of version 2, and this agent reads version 1"),
        (_with_header(b'{"version": 1}'), "its metadata is damaged"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_is_no_recording_is_told_in_one_line(tmp_path: Path, make: Any, why: str) -> None:
    path = tmp_path / "file"
    make(path)
    with pytest.raises(UsageError, match=why) as caught:
        Recording(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_damaged_pages_are_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, [records(storm(1, 5000))])
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(content)
    with Recording(path) as recording, pytest.raises(UsageError, match="is damaged") as caught:
        times(recording)
    assert "\n" not in str(caught.value)


def test_a_header_is_what_it_was() -> None:
    header = replace(
        HEADER,
        home_nodes={0: 1},
        command=("a", "b"),
        slots=counted(lost={"state_full": 3}, refused={"tree": 2}, in_flight=(1, 1), vmas=0),
    )
    assert Header.loaded(header.dumped()) == header
