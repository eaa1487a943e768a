# SPDX-License-Identifier: GPL-2.0-or-later
"""The structs, enums and constants of a C text, laid out as the x86-64 ABI lays them out.

Only what probes/*.c uses: integers, structs by value, arrays of constant length; no pointers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_SIZES = {"char": 1, "u8": 1, "u16": 2, "s32": 4, "u32": 4, "u64": 8}
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.DOTALL | re.MULTILINE)
_ENUM = re.compile(r"^enum (\w+) \{(.*?)\};", re.DOTALL | re.MULTILINE)
_DEFINE = re.compile(r"^#define (\w+) (\d+)$", re.MULTILINE)
_MEMBER = re.compile(r"(?:struct (?P<struct>\w+)|(?P<type>\w+)) (?P<names>[^;]+);")
_NAME = re.compile(r"(\w+)((?:\[\w+\])*)")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member that is no struct: its name and its bytes, all elements of an array together."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each member lies; `size` and `alignment` are the whole struct's."""

    leaves: tuple[Leaf, ...]
    size: int
    alignment: int


class CText:
    """A C text, and what it defines."""

    def __init__(self, text: str) -> None:
        self._text = _COMMENT.sub("", text)
        self.enums = {name: self._values(body) for name, body in _ENUM.findall(self._text)}
        self.constants = {name: int(value) for name, value in _DEFINE.findall(self._text)}
        for values in self.enums.values():
            self.constants |= values
        self._bodies: dict[str, str] = dict(_STRUCT.findall(self._text))

    def struct(self, name: str) -> Layout:
        """Its layout. Raises KeyError for a struct, a type or a length that is not there."""
        leaves: list[Leaf] = []
        end, alignment = 0, 1
        for member in _MEMBER.finditer(self._bodies[name]):
            inner = self.struct(member["struct"]) if member["struct"] else _number(member["type"])
            for declared, lengths in _NAME.findall(member["names"]):
                count = math.prod(map(self._length, re.findall(r"\w+", lengths)))
                start = _up(end, inner.alignment)
                if len(inner.leaves) == 1 and not inner.leaves[0].name:
                    leaves.append(Leaf(declared, start, inner.size * count))
                else:
                    leaves += (
                        Leaf(leaf.name, start + leaf.offset, leaf.size) for leaf in inner.leaves
                    )
                end = start + inner.size * count
                alignment = max(alignment, inner.alignment)
        return Layout(tuple(leaves), _up(end, alignment), alignment)

    def _length(self, text: str) -> int:
        return int(text) if text.isdigit() else self.constants[text]

    @staticmethod
    def _values(body: str) -> dict[str, int]:
        values: dict[str, int] = {}
        following = 0
        for entry in filter(None, map(str.strip, body.split(","))):
            name, _, value = entry.partition("=")
            following = int(value) if value else following
            values[name.strip()] = following
            following += 1
        return values


def _number(type_: str) -> Layout:
    size = _SIZES[type_]
    return Layout((Leaf("", 0, size),), size, size)


def _up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def leaves_of(dtype: np.dtype[Any], base: int = 0) -> Iterator[Leaf]:
    """The members of a numpy struct, in the same terms."""
    fields: Mapping[str, Any] = dtype.fields or {}
    for name in dtype.names or ():
        inner, offset = fields[name][:2]
        if inner.names:
            yield from leaves_of(inner, base + offset)
        else:
            yield Leaf(name, base + offset, inner.itemsize)
