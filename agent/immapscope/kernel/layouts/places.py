# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which a mapping may lead to its trees, tried on what lies in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

#: Kernel addresses begin here, with four or five levels of page tables.
_KERNEL: Final = np.uint64(0xFF00 << 48)
#: An array of trees has at most so many bytes, and a tree its root within so many.
_ARRAY_BYTES: Final = 1 << 17
_TREE_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Place:
    """How one gets from a mapping to its trees; the terms are those of `shape.TreeArray`.

    `at`: offset of the pointer in the mapping where they are not inside. `root`: offset of the root
    in a tree that is pointed to.
    """

    inside: bool
    pointers: bool
    at: int = 0
    root: int = 0

    def find(self, root: int, mapping: int, words: Words, pointees: Words) -> int | None:
        """Bytes from the array to the root, or which element points to it; None for neither."""
        if self.pointers:
            elements = words if self.inside else pointees[self.at // 8]
            (which,) = np.nonzero(elements == np.uint64(root - self.root))
            return int(which[0]) if len(which) else None
        distance = root - (mapping if self.inside else int(words[self.at // 8]))
        most = 8 * len(words) if self.inside else _ARRAY_BYTES
        return distance if 0 <= distance < most else None


@dataclass(frozen=True, slots=True)
class Number:
    """A VMA's member that says in which tree it is: where, and what the trees' places are by it."""

    offset: int
    size: int
    first: int
    stride: int
    count: int


@dataclass
class Places:
    """Where a way leads for one observation after the other."""

    place: Place
    seen: list[int] = field(default_factory=list)
    _by_mapping: dict[int, set[int]] = field(default_factory=dict)

    def see(self, root: int, mapping: int, words: Words, pointees: Words) -> bool:
        """False where it leads to no such root."""
        found = self.place.find(root, mapping, words, pointees)
        if found is None:
            return False
        self.seen.append(found)
        self._by_mapping.setdefault(mapping, set()).add(found)
        return True

    @property
    def distinct(self) -> int:
        """Trees that were seen."""
        return len(set(self.seen))

    @property
    def alike(self) -> bool:
        """Whether mappings agree on where trees are: most were seen at the same place in each."""
        every = list(self._by_mapping.values())
        return 2 * len(set.intersection(*every)) >= len(set.union(*every))

    def number(self, vmas: Sequence[bytes], members: Mapping[int, int]) -> Number | None:
        """The member of the VMAs that goes with the places. `members`: offset and size of each."""
        places = np.array(self.seen, np.int64)
        for offset, size in sorted(members.items()):
            values = np.array(
                [int.from_bytes(vma[offset : offset + size], "little") for vma in vmas], object
            )
            found = self._fit(places, values)
            if found is not None:
                return Number(offset, size, *found)
        return None

    def _fit(self, places: NDArray[np.int64], values: NDArray[np.object_]) -> _Line | None:
        low, high = int(values.argmin()), int(values.argmax())
        run, rise = int(values[high] - values[low]), int(places[high] - places[low])
        if run == 0 or rise <= 0 or rise % run:
            return None
        stride = rise // run
        first = int(places[low]) - stride * int(values[low])
        if first < 0 or (
            self.place.pointers and (stride != 1 or (first and not self.place.inside))
        ):
            return None
        if any(first + stride * int(v) != p for v, p in zip(values, places, strict=True)):
            return None
        return first, stride, int(values[high]) + 1


_Line = tuple[int, int, int]


def candidates(root: int, mapping: int, words: Words, pointees: Words) -> Iterator[Place]:
    """The ways that lead to this root, the plainest first."""
    if Place(True, False).find(root, mapping, words, pointees) is not None:
        yield Place(True, False)
    pointers = [8 * int(i) for i in np.nonzero(words >= _KERNEL)[0]]
    for at in pointers:
        behind = Place(False, False, at)
        if behind.find(root, mapping, words, pointees) is not None:
            yield behind
    for offset in _roots(root, words):
        yield Place(True, True, 0, offset)
    for at in pointers:
        for offset in _roots(root, pointees[at // 8]):
            yield Place(False, True, at, offset)


def _roots(root: int, elements: Words) -> list[int]:
    """Offsets of the root in trees that these elements may point to."""
    distances = {root - int(element) for element in elements if element >= _KERNEL}
    return sorted(distance for distance in distances if 0 <= distance < _TREE_BYTES)
