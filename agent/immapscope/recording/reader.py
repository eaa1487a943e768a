# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading a recording: its header and its rows, also of a file that was never closed."""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from immapscope.errors import ImmapscopeError, UsageError
from immapscope.recording.header import Header
from immapscope.recording.schema import METADATA_KEY, SCHEMA, Kind

_MAGIC = b"PAR1"
#: A footer ends with its own length, four bytes, and the magic.
_TAIL = 8


class Recording:
    """A recording that was opened; close it, or use it in a `with`.

    Rows come as they were written: those of one slot's lock in the order of their releases.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises UsageError, one line, for what is no recording that can be read."""
        self.path = Path(path)
        try:
            self._memory, self.size = _opened(self.path)
            self._file = pq.ParquetFile(_source(self._memory, self.size))
            self.header = _header(self._file)
        except (OSError, pa.ArrowException, ImmapscopeError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UsageError(f"{str(path)!r} is no recording: {_first_line(words)}") from error

    @property
    def truncated(self) -> bool:
        """Whether the recorder was stopped before it could close the file."""
        return not self.header.complete

    @property
    def row_count(self) -> int:
        """Of all kinds."""
        return int(self._file.metadata.num_rows)

    def batches(
        self, kinds: Collection[Kind], columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of these kinds, a row group (of one kind) at a time; None: every column.

        Raises UsageError where the file is damaged.
        """
        for index in range(self._file.num_row_groups):
            kind = self._kind_of(index)
            if kind in kinds:
                try:
                    table = self._file.read_row_group(index, columns=columns)
                except (OSError, pa.ArrowException) as error:
                    raise UsageError(
                        f"{str(self.path)!r} is damaged: row group {index}: "
                        f"{_first_line(str(error))}"
                    ) from error
                # Its pages stay in the page cache, but are no longer counted as this process's.
                self._memory.madvise(mmap.MADV_DONTNEED)
                yield from table.to_batches()

    def table(self, kinds: Collection[Kind], columns: Sequence[str] | None = None) -> pa.Table:
        """As `batches`, all at once."""
        fields = SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])
        found = list(self.batches(kinds, columns))
        return pa.Table.from_batches(found, fields) if found else fields.empty_table()

    def count(self, kind: Kind) -> int:
        """Rows of that kind, without reading them."""
        groups = range(self._file.num_row_groups)
        of_kind = (index for index in groups if self._kind_of(index) is kind)
        return sum(self._file.metadata.row_group(index).num_rows for index in of_kind)

    def _kind_of(self, index: int) -> Kind:
        statistics = self._file.metadata.row_group(index).column(0).statistics
        return Kind(statistics.min)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _opened(path: Path) -> tuple[mmap.mmap, int]:
    """The file, and how many bytes it is to the end of its last whole footer."""
    with path.open("rb") as file:
        if not _size(path):
            raise ImmapscopeError("it is not a Parquet file")
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if memory[: len(_MAGIC)] != _MAGIC:
        raise ImmapscopeError("it is not a Parquet file")
    for end in _ends(memory):
        try:
            pq.read_metadata(_source(memory, end))
        except (OSError, pa.ArrowException):
            continue
        return memory, end
    raise ImmapscopeError("it ends before its first row group does")


def _source(memory: mmap.mmap, size: int) -> pa.NativeFile:
    return pa.BufferReader(pa.py_buffer(memoryview(memory)[:size]))


def _size(path: Path) -> int:
    return path.stat().st_size


def _ends(memory: mmap.mmap) -> Iterator[int]:
    """Where a footer may end, the last one first."""
    at = memory.rfind(_MAGIC)
    while at >= _TAIL:
        length = int.from_bytes(memory[at - 4 : at], "little")
        if 0 < length <= at - 4:
            yield at + len(_MAGIC)
        at = memory.rfind(_MAGIC, 0, at)


def _header(file: pq.ParquetFile) -> Header:
    metadata = file.metadata.metadata or {}
    if METADATA_KEY not in metadata:
        raise ImmapscopeError("it is a Parquet file of another program")
    header = Header.loaded(metadata[METADATA_KEY])
    if not file.schema_arrow.equals(SCHEMA):
        raise ImmapscopeError("its columns are not those of a recording")
    return header


def _first_line(words: str) -> str:
    return words.strip().splitlines()[0] if words.strip() else "no further message"
