# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw BTF taken apart and put together in Python (Documentation/bpf/btf.rst): for fixtures.

Slow on a whole kernel; what the agent asks at run time goes through btf.py.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from immapscope.kernel.btf import MAGIC, Kind
from immapscope.kernel.libbpf import BtfError

_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
_VERSION = 1

# Words of 32 bits that follow a type: so many for each of its items, or so many in all.
_PER_ITEM = {
    Kind.STRUCT: 3,
    Kind.UNION: 3,
    Kind.ENUM: 2,
    Kind.FUNC_PROTO: 2,
    Kind.DATASEC: 3,
    Kind.ENUM64: 3,
}
_IN_ALL = {Kind.INT: 1, Kind.ARRAY: 3, Kind.VAR: 1, Kind.DECL_TAG: 1}


@dataclass(frozen=True, slots=True)
class RawType:
    """One type. `last` is a size in bytes or a type's number, as `kind` has it.

    `items` are the words that follow, in groups: a member is (name, type, offset), a parameter
    (name, type), an array (element, index, count). A name there is still an offset into strings.
    """

    name: str
    kind: Kind
    flag: bool
    linkage: int
    last: int
    items: tuple[tuple[int, ...], ...]


class RawBtf:
    """The types of a raw BTF by number, from 1."""

    def __init__(self, data: bytes) -> None:
        """Raises BtfError if it is not raw BTF of this byte order."""
        if int.from_bytes(data[:2], "little") != MAGIC:
            raise BtfError("not raw BTF (no BTF magic at its start)")
        _, _, _, header, type_at, type_size, text_at, text_size = _HEADER.unpack_from(data)
        self._text = data[header + text_at : header + text_at + text_size]
        self.types: list[RawType] = [RawType("void", Kind.TYPEDEF, False, 0, 0, ())]
        self.types += self._read(data[header + type_at : header + type_at + type_size])

    def text(self, offset: int) -> str:
        """The string at an offset into the strings."""
        return self._text[offset : self._text.index(b"\0", offset)].decode()

    def _read(self, data: bytes) -> Iterator[RawType]:
        at = 0
        while at < len(data):
            name, info, last = _TYPE.unpack_from(data, at)
            kind, count = Kind(info >> 24 & 0x1F), info & 0xFFFF
            group = _PER_ITEM.get(kind) or _IN_ALL.get(kind, 0)
            groups = count if kind in _PER_ITEM else int(group > 0)
            at += _TYPE.size
            words = struct.unpack_from(f"<{group * groups}I", data, at)
            at += 4 * len(words)
            items = tuple(words[i : i + group] for i in range(0, len(words), group or 1))
            linkage = count if kind is Kind.FUNC else 0
            yield RawType(self.text(name), kind, bool(info >> 31), linkage, last, items)


class Writer:
    """Collects types and gives raw BTF; numbers are given before a type's contents are known."""

    def __init__(self) -> None:
        self._types: list[RawType | None] = []
        self._text = bytearray(b"\0")
        self._texts: dict[str, int] = {"": 0}

    def reserve(self) -> int:
        """The number of the next type, to be given to `put`."""
        self._types.append(None)
        return len(self._types)

    def put(self, number: int, raw: RawType) -> None:
        """Says what the type of that number is; its references and texts are those of this BTF."""
        self._types[number - 1] = raw

    def text(self, text: str) -> int:
        """The offset of a string, which is added if it is new."""
        if text not in self._texts:
            self._texts[text] = len(self._text)
            self._text += text.encode() + b"\0"
        return self._texts[text]

    def data(self) -> bytes:
        """The raw BTF. Every reserved number must have been put."""
        body = bytearray()
        for raw in self._types:
            assert raw is not None
            count = len(raw.items) if raw.kind in _PER_ITEM else raw.linkage
            info = raw.flag << 31 | raw.kind << 24 | count
            body += _TYPE.pack(self.text(raw.name), info, raw.last)
            for item in raw.items:
                body += struct.pack(f"<{len(item)}I", *item)
        header = _HEADER.pack(
            MAGIC, _VERSION, 0, _HEADER.size, 0, len(body), len(body), len(self._text)
        )
        return header + bytes(body) + bytes(self._text)
