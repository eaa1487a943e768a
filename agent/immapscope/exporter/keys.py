# SPDX-License-Identifier: GPL-2.0-or-later
"""Small numbers for the series that files have: the same few thousand for every file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from immapscope.exporter.families import Family, lines_of


class Key(NamedTuple):
    """A series of some file, without the file: label values beyond file and inode.

    `bucket` is the index of a histogram's bucket, -1 for all that is none.
    """

    family: Family
    labels: tuple[str, ...]
    bucket: int = -1


class Keys:
    """A number for each key ever seen, so that files keep numbers instead of texts.

    It grows with nodes, shards and words, not with files.
    """

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []
        #: Sample lines of each key's series, by its number.
        self.lines: Final[list[int]] = []

    def number(self, key: Key) -> int:
        """The number of this key, from 0 on."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._keys)
            self._keys.append(key)
            self.lines.append(lines_of(key.family))
        return found

    def lines_of(self, numbers: Iterable[int]) -> int:
        """The sample lines of these keys' series together."""
        return sum(map(self.lines.__getitem__, numbers))

    def __getitem__(self, number: int) -> Key:
        return self._keys[number]
