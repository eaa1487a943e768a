# SPDX-License-Identifier: GPL-2.0-or-later
"""A layout that nobody has described is inferred from tree operations that were watched.

Of each operation we know the VMA, its mapping, what lies there in memory, and which rwsems the
task held. What is at the same distance from every mapping, or from every tree, is how this kernel
lays them out; what varies with the tree is its number. Nothing here reads a kernel: see
`tracing.watching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import gcd
from typing import Final

import numpy as np

from immapscope.kernel.btf import Btf, MissingMemberError
from immapscope.kernel.functions import Side
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts.places import Number, Place, Places, Words, candidates
from immapscope.kernel.layouts.shape import LayoutShape, TreeArray, tree_node

#: What lies around a lock is seen from so many bytes before it to so many after it.
AROUND: Final = 256
_FEWEST_OBSERVATIONS: Final = 4


class NotLearntError(Exception):
    """What was watched does not say how this kernel lays its trees out, and why not."""


@dataclass(frozen=True, slots=True)
class Watchable:
    """What must be known of an unknown layout to watch it.

    Sizes in bytes. `tree_node`: where a VMA's node of the tree is, None if BTF does not say.
    `numbers`: offset and size of each member of a VMA that may be the number of its tree. `seen`:
    what BTF says of i_mmap, in words.
    """

    mapping_bytes: int
    vma_bytes: int
    tree_node: int | None
    numbers: Mapping[int, int]
    seen: str

    @classmethod
    def from_btf(cls, btf: Btf) -> Watchable:
        """Raises MissingMemberError where there is no such thing as a mapping or a VMA."""
        return cls(
            btf.struct_size("address_space"),
            btf.struct_size("vm_area_struct"),
            tree_node(btf).get("OFF_VMA_RB"),
            {
                member.offset: member.size
                for member in btf.members("vm_area_struct").values()
                if member.size in (1, 2, 4, 8) and not member.type.startswith(("struct", "union"))
                and not member.type.endswith("*")
            },
            "; ".join(_seen(btf)),
        )  # fmt: skip


def _seen(btf: Btf) -> Iterable[str]:
    for name in ("i_mmap", "i_mmap_rwsem"):
        try:
            yield f"{name} is {btf.member('address_space', name).type}"
        except MissingMemberError as error:
            yield str(error)


@dataclass(frozen=True, slots=True)
class Held:
    """A rwsem that the task held; `around`: memory from AROUND bytes before it to AROUND behind."""

    address: int
    side: Side
    around: Words


@dataclass(frozen=True, slots=True)
class Observation:
    """One tree operation: addresses, and the memory at them.

    `root`: the tree's, None where the kernel's function is not given it. `pointees`: shape (words
    of the mapping, n), what each of them points to, 0 where it is no pointer.
    """

    removes: bool
    vma: int
    mapping: int
    root: int | None
    mapping_words: Words
    vma_memory: bytes
    pointees: Words
    held: tuple[Held, ...]


#: On which sides a lock was held, by how far it is from the mapping, or from the tree's root.
_Locks = Mapping[int, frozenset[Side]]


@dataclass(frozen=True, slots=True)
class _Lock:
    """A lock that was always held: how far from the mapping or the root, and on which side."""

    distance: int
    side: Side


@dataclass
class Learner:
    """Takes observations one after the other, then says what shape they all have."""

    watchable: Watchable
    observations: int = 0
    _mappings: set[int] = field(default_factory=set)
    _mapping_locks: _Locks | None = None
    _tree_locks: _Locks | None = None
    _last: tuple[int, int] = (0, 0)
    _places: list[Places] | None = None
    _vmas: list[bytes] = field(default_factory=list)

    def see(self, seen: Observation) -> None:
        """One more."""
        self.observations += 1
        self._mappings.add(seen.mapping)
        self._mapping_locks = _common(self._mapping_locks, seen.held, seen.mapping)
        root = seen.root if seen.root is not None else self._lone_root(seen)
        if root is None:
            return
        self._last = seen.mapping, root
        self._tree_locks = _common(self._tree_locks, seen.held, root)
        self._vmas.append(seen.vma_memory)
        if self._places is None:
            found = candidates(root, seen.mapping, seen.mapping_words, seen.pointees)
            self._places = [Places(place) for place in found]
        self._places = [
            places
            for places in self._places
            if places.see(root, seen.mapping, seen.mapping_words, seen.pointees)
        ]

    def _lone_root(self, seen: Observation) -> int | None:
        """Where a tree of one VMA begins: both words of a rb_root_cached are that VMA's node."""
        if not seen.removes or self.watchable.tree_node is None:
            return None
        node = np.uint64(seen.vma + self.watchable.tree_node)
        memory = [(seen.mapping, seen.mapping_words)]
        memory += [(held.address - AROUND, held.around) for held in seen.held]
        memory += [
            (int(address), words)
            for address, words in zip(seen.mapping_words, seen.pointees, strict=True)
        ]
        for address, words in memory:
            (both,) = np.nonzero((words[:-1] == node) & (words[1:] == node))
            if len(both):
                return address + 8 * int(both[0])
        return None

    def shape(self) -> LayoutShape:
        """What all of them have in common. Raises NotLearntError."""
        if self.observations < _FEWEST_OBSERVATIONS or len(self._mappings) < 2:
            raise NotLearntError(f"only {self.observations} tree operations were seen")
        if self._places is None:
            raise NotLearntError("where a tree begins was never seen")
        mapping_lock, tree_lock = self._locks()
        best, number = self._best_places()
        one = best.place.inside and not best.place.pointers and best.distinct == 1
        if one and tree_lock is None and mapping_lock is not None:
            i_mmap, rwsem = best.seen[0], mapping_lock.distance
            at = {"OFF_MAPPING_I_MMAP": i_mmap, "OFF_MAPPING_I_MMAP_RWSEM": rwsem}
            return LayoutShape(Layout.SINGLE, 1, at)
        offsets, trees = _trees(best, number, tree_lock.distance if tree_lock else 0)
        if tree_lock is None:
            del offsets["OFF_TREE_RWSEM"]
        if mapping_lock is not None:
            offsets["OFF_MAPPING_I_MMAP_RWSEM"] = mapping_lock.distance
        if self.watchable.tree_node is not None:
            offsets["OFF_VMA_RB"] = self.watchable.tree_node
        return LayoutShape(_named(mapping_lock, tree_lock), trees.count, offsets, trees)

    def _locks(self) -> tuple[_Lock | None, _Lock | None]:
        """The lock over the mapping, and a tree's own."""
        mapping, root = self._last
        over_mapping = self._mapping_locks or {}
        elsewhere = {mapping + distance - root for distance in over_mapping}
        of_tree = {
            distance: sides
            for distance, sides in (self._tree_locks or {}).items()
            if distance not in elsewhere
        }
        seen = f"in {self.observations} tree operations"
        if not over_mapping and not of_tree:
            raise NotLearntError(
                f"{seen} no rwsem was always held whose place follows from the mapping or the tree"
            )
        if max(len(over_mapping), len(of_tree)) > 1:
            raise NotLearntError(
                f"{seen} {len(over_mapping)} rwsems of the mapping and {len(of_tree)} of the tree "
                "were always held: which one counts is not clear"
            )
        mapping_lock = _only(over_mapping, "over the mapping", seen)
        tree_lock = _only(of_tree, "of the tree", seen)
        if tree_lock is not None and tree_lock.side is Side.READ:
            raise NotLearntError(
                f"{seen} the rwsem of the tree was held for read: it keeps no two changes apart"
            )
        return mapping_lock, tree_lock

    def _best_places(self) -> tuple[Places, Number | None]:
        """Those whose numbers a VMA has, pointers first, since an allocator may put trees in a row.

        Else a tree's number must follow from where it lies: an array of trees, or only one.
        """
        left = self._places or []
        for places in sorted(left, key=lambda one: not one.place.pointers):
            number = places.number(self._vmas, self.watchable.numbers)
            if number is not None:
                return places, number
        pointed_to = any(one.place.pointers and one.distinct > 1 for one in left)
        for places in left:
            if places.distinct == 1 or (places.alike and not pointed_to):
                return places, None
        raise NotLearntError(
            f"in {self.observations} tree operations the trees' places followed no rule"
        )


def _trees(best: Places, number: Number | None, lock: int) -> tuple[dict[str, int], TreeArray]:
    place = best.place
    if number is not None:
        first, stride, count = number.first, number.stride, number.count
    else:
        first = min(best.seen)
        stride = reduce(gcd, (seen - first for seen in best.seen)) or 8
        count = (max(best.seen) - first) // stride + 1
    offsets = _element(place, first, lock)
    if number is not None:
        offsets |= {"OFF_VMA_TREE_IDX": number.offset, "SIZE_VMA_TREE_IDX": number.size}
    if min(offsets.values()) < 0:
        raise NotLearntError("a tree or its lock lies before where the trees begin")
    stride = 8 if place.pointers else stride
    return offsets, TreeArray(place.inside, place.pointers, stride, count)


def _element(place: Place, first: int, lock: int) -> dict[str, int]:
    """Offsets of i_mmap in the mapping, of the root and of the lock in an element."""
    if place.pointers:
        i_mmap = 8 * first if place.inside else place.at
        return {
            "OFF_MAPPING_I_MMAP": i_mmap,
            "OFF_TREE_ROOT": place.root,
            "OFF_TREE_RWSEM": place.root + lock,
        }
    if not place.inside:
        return {
            "OFF_MAPPING_I_MMAP": place.at,
            "OFF_TREE_ROOT": first,
            "OFF_TREE_RWSEM": first + lock,
        }
    before = max(0, -lock)
    return {
        "OFF_MAPPING_I_MMAP": first - before,
        "OFF_TREE_ROOT": before,
        "OFF_TREE_RWSEM": before + lock,
    }


def _only(found: _Locks, which: str, seen: str) -> _Lock | None:
    if not found:
        return None
    ((distance, sides),) = found.items()
    if len(sides) > 1:
        raise NotLearntError(
            f"{seen} the rwsem {which} was held for read in some and for write in others"
        )
    (side,) = sides
    return _Lock(distance, side)


def _named(mapping_lock: _Lock | None, tree_lock: _Lock | None) -> Layout:
    if tree_lock is None:
        return Layout.TREE_ONLY
    if mapping_lock is None:
        return Layout.SPLIT
    # What is inverted lets those who change different trees in at once; a writer lets nobody.
    return Layout.INVERTED if mapping_lock.side is Side.READ else Layout.NESTED


def _common(before: _Locks | None, held: Iterable[Held], origin: int) -> _Locks:
    now = {one.address - origin: frozenset({one.side}) for one in held}
    if before is None:
        return now
    return {distance: before[distance] | now[distance] for distance in before.keys() & now.keys()}
