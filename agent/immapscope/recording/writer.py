# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing a recording: after each row group the file is a whole Parquet file again.

A Parquet file is found by its footer, which stands at its end. Here every row group is followed by
a footer of all groups so far; the next group is written behind it, and the footer before becomes a
few bytes that nobody points to. Whoever is killed in between leaves a file that ends with a part of
a group, which a reader leaves out.
"""

from __future__ import annotations

import io
import os
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from immapscope.recording.footer import moved
from immapscope.recording.header import Header
from immapscope.recording.schema import METADATA_KEY, SCHEMA, Kind

#: What a Parquet file begins and ends with; before its end stands its footer's length.
MAGIC: Final = b"PAR1"
_LENGTH_BYTES: Final = 4

#: Pages are small numbers that repeat: what zstd gains over none is threefold, at 300 MB/s.
_COMPRESSION: Final = "zstd"


class Writer:
    """Appends row groups to an empty file that is open for writing; closing it is the caller's.

    Raises OSError as the file system does; the file then ends with its last footer.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._groups: pq.FileMetaData | None = None
        self.size = self._finished = 0
        self.rows: dict[str, int] = {}

    def write(self, kind: Kind, rows: pa.Table) -> None:
        """One row group of one kind; it counts once a footer follows."""
        file = io.BytesIO()
        with pq.ParquetWriter(
            file, SCHEMA, compression=_COMPRESSION, write_statistics=["kind", "time_ns"]
        ) as writer:
            writer.write_table(rows, row_group_size=max(1, rows.num_rows))
        written = file.getbuffer()
        begin, end = _footer_within(written)
        metadata = _as_metadata(moved(bytes(written[begin:end]), self.size))
        self._append(written[:begin])
        if self._groups is None:
            self._groups = metadata
        else:
            self._groups.append_row_groups(metadata)
        self.rows[kind] = self.rows.get(kind, 0) + rows.num_rows

    def finish(self, header: Header) -> None:
        """The footer of all groups so far, with `header` in it; then it is all on the disk."""
        footer = _footer(self._groups, header)
        # What it begins with stands at the beginning of every file.
        self._append(memoryview(footer)[len(MAGIC) if self.size else 0 :])
        os.fdatasync(self._descriptor)
        self._finished = self.size

    def _append(self, written: memoryview) -> None:
        rest = written
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self._finished)
            os.lseek(self._descriptor, self._finished, os.SEEK_SET)
            raise
        self.size += len(written)


def _footer(groups: pq.FileMetaData | None, header: Header) -> bytes:
    nothing = io.BytesIO()
    pq.ParquetWriter(nothing, SCHEMA.with_metadata({METADATA_KEY: header.dumped()})).close()
    metadata = pq.read_metadata(nothing)
    if groups is not None:
        metadata.append_row_groups(groups)
    footer = io.BytesIO()
    metadata.write_metadata_file(footer)
    return footer.getvalue()


def _footer_within(file: memoryview) -> tuple[int, int]:
    """Where the footer of a whole file begins and ends."""
    end = len(file) - len(MAGIC) - _LENGTH_BYTES
    return end - int.from_bytes(file[end : end + _LENGTH_BYTES], "little"), end


def _as_metadata(footer: bytes) -> pq.FileMetaData:
    file = MAGIC + footer + len(footer).to_bytes(_LENGTH_BYTES, "little") + MAGIC
    return pq.read_metadata(io.BytesIO(file))
