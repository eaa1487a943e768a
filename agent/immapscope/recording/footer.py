# SPDX-License-Identifier: GPL-2.0-or-later
"""Moving a Parquet footer: the same row groups, so many bytes further on in a file.

pyarrow writes whole files only ("Appending to file not implemented", parquet/file_writer.cc), so a
row group that is put behind others has a footer that points to the wrong place. Fields are those
of parquet.thrift (apache/parquet-format), encoded in Thrift's compact protocol
(doc/specs/thrift-compact-protocol.md of apache/thrift).
"""

from __future__ import annotations

from typing import Final

_BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(3, 13)
_BOOLEANS: Final = (1, 2)

#: FileMetaData.row_groups[].columns[], by field numbers.
_CHUNK: Final = (4, 1)
#: What counts bytes from the beginning of the file.
_OFFSETS: Final = frozenset(
    {
        (4, 5),  # RowGroup.file_offset
        (*_CHUNK, 2),  # ColumnChunk.file_offset
        (*_CHUNK, 4),  # ColumnChunk.offset_index_offset
        (*_CHUNK, 6),  # ColumnChunk.column_index_offset
        (*_CHUNK, 3, 9),  # ColumnMetaData.data_page_offset
        (*_CHUNK, 3, 10),  # ColumnMetaData.index_page_offset
        (*_CHUNK, 3, 11),  # ColumnMetaData.dictionary_page_offset
        (*_CHUNK, 3, 14),  # ColumnMetaData.bloom_filter_offset
    }
)


def moved(footer: bytes, by: int) -> bytes:
    """`footer`, the bytes of one FileMetaData, for groups that lie `by` bytes further on.

    Raises ValueError or IndexError for what is no such thing.
    """
    mover = _Mover(footer, by)
    mover.struct(())
    return bytes(mover.out)


class _Mover:
    """Reads one struct and writes it again."""

    def __init__(self, source: bytes, by: int) -> None:
        self._source = source
        self._by = by
        self._at = 0
        self.out = bytearray()

    def struct(self, path: tuple[int, ...]) -> None:
        field = 0
        while header := self._byte():
            kind, step = header & 15, header >> 4
            field = field + step if step else _signed(self._varint())
            self._value(kind, (*path, field))

    def _value(self, kind: int, path: tuple[int, ...]) -> None:
        if kind in _BOOLEANS:
            return
        if kind == _I64 and path in _OFFSETS:
            self._offset()
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _BYTE:
            self._byte()
        elif kind == _DOUBLE:
            self._copy(8)
        elif kind == _BINARY:
            self._copy(self._varint())
        elif kind in (_LIST, _SET):
            self._list(path)
        elif kind == _STRUCT:
            self.struct(path)
        else:
            raise ValueError(f"a footer has no field of type {kind}")

    def _list(self, path: tuple[int, ...]) -> None:
        header = self._byte()
        kind, size = header & 15, header >> 4
        if size == 15:
            size = self._varint()
        if kind in _BOOLEANS:
            self._copy(size)
            return
        for _ in range(size):
            self._value(kind, path)

    def _offset(self) -> None:
        was = len(self.out)
        offset = _signed(self._varint())
        # 0: there is none.
        if offset:
            del self.out[was:]
            self.out += _encoded(offset + self._by)

    def _byte(self) -> int:
        self._copy(1)
        return self.out[-1]

    def _copy(self, count: int) -> None:
        part = self._source[self._at : self._at + count]
        if len(part) != count:
            raise ValueError("a footer ends too early")
        self.out += part
        self._at += count

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7


def _signed(number: int) -> int:
    return number >> 1 ^ -(number & 1)


def _encoded(number: int) -> bytes:
    rest, out = number << 1, bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)
