# SPDX-License-Identifier: GPL-2.0-or-later
"""A layout that is laid out in made-up memory is learnt from tree operations as it was laid out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from immapscope.kernel.functions import Side
from immapscope.kernel.layouts import Layout, LayoutShape
from immapscope.kernel.layouts.shape import TreeArray
from immapscope.kernel.learning import (
    AROUND,
    Held,
    Learner,
    NotLearntError,
    Observation,
    Watchable,
)

MAPPING_BYTES, VMA_BYTES, TREE_NODE, NUMBER = 256, 168, 64, 40
HEAP = 0xFF11_0000_0100_0000
WATCHABLE = Watchable(MAPPING_BYTES, VMA_BYTES, TREE_NODE, {NUMBER: 4, 8: 8, 48: 8}, "made up")


@dataclass(frozen=True)
class Design:
    """Where a made-up kernel has its trees; `lock` is a tree's lock seen from the tree."""

    inside: bool
    pointers: bool
    i_mmap: int
    trees: int
    tree_bytes: int = 64
    root: int = 0
    lock: int | None = None
    lock_side: Side = Side.WRITE
    mapping_lock: int | None = None
    mapping_side: Side = Side.WRITE
    numbered: bool = True


@dataclass
class Memory:
    """Words by address."""

    words: dict[int, int] = field(default_factory=dict)
    top: int = HEAP

    def allocate(self, size: int) -> int:
        # Never two of a kind at one distance from each other, as on a machine that runs.
        self.top += -(-size // 256) * 256 + 256 * (1 + len(self.words) % 7)
        return self.top - -(-size // 256) * 256

    def read(self, address: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return np.array([self.words.get(address + 8 * i, 0) for i in range(count)], dtype=np.uint64)


class File:
    """A mapping with its trees."""

    def __init__(self, memory: Memory, design: Design) -> None:
        self.memory, self.design = memory, design
        self.mapping = memory.allocate(MAPPING_BYTES)
        # List heads that point to themselves, as inodes are full of.
        for offset in (200, 208):
            memory.words[self.mapping + offset] = self.mapping + 200
        self.trees = list(self._lay_out())

    def _lay_out(self) -> Iterator[int]:
        memory, design = self.memory, self.design
        at = self.mapping + design.i_mmap
        stride = 8 if design.pointers else design.tree_bytes
        array = at
        if not design.inside:
            array = memory.words[at] = memory.allocate(stride * design.trees)
        for number in range(design.trees):
            element = array + number * stride
            if design.pointers:
                tree = memory.words[element] = memory.allocate(design.tree_bytes)
                yield tree
            else:
                yield element

    def held(self, number: int) -> Iterator[tuple[int, Side]]:
        design = self.design
        if design.mapping_lock is not None:
            yield self.mapping + design.mapping_lock, design.mapping_side
        if design.lock is not None:
            yield self.trees[number] + design.lock, design.lock_side

    def operations(self, number: int, gives_root: bool) -> Iterator[Observation]:
        """An insert and the remove of one mapping."""
        memory, design = self.memory, self.design
        root = self.trees[number] + design.root
        vma = memory.allocate(VMA_BYTES)
        memory.words[vma + 8] = 0x7F0000000000 + vma % 65536 * 4096
        if design.numbered:
            memory.words[vma + NUMBER] = number | 0xABCD << 32
        for removes in (False, True):
            if removes:
                memory.words[root] = memory.words[root + 8] = vma + TREE_NODE
            mapping_words = memory.read(self.mapping, MAPPING_BYTES // 8)
            yield Observation(
                removes=removes,
                vma=vma,
                mapping=self.mapping,
                root=root if gives_root else None,
                mapping_words=mapping_words,
                vma_memory=struct.pack(
                    f"<{VMA_BYTES // 8}Q", *map(int, memory.read(vma, VMA_BYTES // 8))
                ),
                pointees=np.array(
                    [memory.read(int(word), 64) if word else [0] * 64 for word in mapping_words],
                    dtype=np.uint64,
                ),
                held=tuple(
                    Held(lock, side, memory.read(lock - AROUND, 2 * AROUND // 8))
                    for lock, side in self.held(number)
                ),
            )
        memory.words[root] = memory.words[root + 8] = 0


def learn(
    design: Design, *, gives_root: bool, numbers: range | None = None, made: type[File] = File
) -> LayoutShape:
    memory = Memory()
    files = [made(memory, design) for _ in range(2)]
    learner = Learner(WATCHABLE)
    for number in numbers or range(design.trees):
        for file in files:
            for seen in file.operations(number, gives_root):
                learner.see(seen)
    return learner.shape()


ROOT_IS_GIVEN = pytest.mark.parametrize("gives_root", [True, False], ids=["root", "no root"])
NUMBERED = {"OFF_VMA_TREE_IDX": NUMBER, "SIZE_VMA_TREE_IDX": 4}


@ROOT_IS_GIVEN
def test_one_tree_under_one_lock(gives_root: bool) -> None:
    design = Design(True, False, i_mmap=32, trees=1, mapping_lock=80)
    assert learn(design, gives_root=gives_root) == LayoutShape(
        Layout.SINGLE, 1, {"OFF_MAPPING_I_MMAP": 32, "OFF_MAPPING_I_MMAP_RWSEM": 80}
    )


@ROOT_IS_GIVEN
@pytest.mark.parametrize("inside", [True, False])
def test_pointers_to_trees_with_a_lock_each(gives_root: bool, inside: bool) -> None:
    design = Design(inside, True, i_mmap=24, trees=6, root=8, lock=32)
    assert learn(design, gives_root=gives_root) == LayoutShape(
        Layout.SPLIT,
        6,
        {
            "OFF_MAPPING_I_MMAP": 24,
            "OFF_TREE_ROOT": 8,
            "OFF_TREE_RWSEM": 32,
            "OFF_VMA_RB": TREE_NODE,
            **NUMBERED,
        },
        TreeArray(inside, pointers=True, stride=8, count=6),
    )


@ROOT_IS_GIVEN
@pytest.mark.parametrize("number", [True, False])
def test_an_array_of_trees_with_a_lock_each(gives_root: bool, number: bool) -> None:
    design = Design(
        False, False, i_mmap=24, trees=6, tree_bytes=128, lock=64, root=16, numbered=number
    )
    assert learn(design, gives_root=gives_root) == LayoutShape(
        Layout.SPLIT,
        6,
        {
            "OFF_MAPPING_I_MMAP": 24,
            "OFF_TREE_ROOT": 16,
            "OFF_TREE_RWSEM": 64,
            "OFF_VMA_RB": TREE_NODE,
            **(NUMBERED if number else {}),
        },
        TreeArray(inside=False, pointers=False, stride=128, count=6),
    )


@ROOT_IS_GIVEN
@pytest.mark.parametrize(
    ("side", "layout"), [(Side.READ, Layout.INVERTED), (Side.WRITE, Layout.NESTED)]
)
def test_a_lock_over_trees_inside_whose_lock_comes_first(
    gives_root: bool, side: Side, layout: Layout
) -> None:
    design = Design(
        True, False, i_mmap=8, trees=4, tree_bytes=32, root=16, lock=0, mapping_lock=160,
        mapping_side=side,
    )  # fmt: skip
    assert learn(design, gives_root=gives_root) == LayoutShape(
        layout,
        4,
        {
            "OFF_MAPPING_I_MMAP": 8,
            "OFF_MAPPING_I_MMAP_RWSEM": 160,
            "OFF_TREE_ROOT": 16,
            "OFF_TREE_RWSEM": 0,
            "OFF_VMA_RB": TREE_NODE,
            **NUMBERED,
        },
        TreeArray(inside=True, pointers=False, stride=32, count=4),
    )


@ROOT_IS_GIVEN
@pytest.mark.parametrize("side", Side)
def test_several_trees_under_one_lock(gives_root: bool, side: Side) -> None:
    # For read where a tree's own lock is none that is watched.
    design = Design(
        False, False, i_mmap=24, trees=4, tree_bytes=16, mapping_lock=40, mapping_side=side
    )
    assert learn(design, gives_root=gives_root) == LayoutShape(
        Layout.TREE_ONLY,
        4,
        {
            "OFF_MAPPING_I_MMAP": 24,
            "OFF_MAPPING_I_MMAP_RWSEM": 40,
            "OFF_TREE_ROOT": 0,
            "OFF_VMA_RB": TREE_NODE,
            **NUMBERED,
        },
        TreeArray(inside=False, pointers=False, stride=16, count=4),
    )


def test_trees_that_no_mapping_was_put_into_are_left_out_of_the_count() -> None:
    design = Design(False, True, i_mmap=24, trees=8, lock=16)
    shape = learn(design, gives_root=True, numbers=range(2, 6))
    assert shape.shards == 6
    assert shape.offsets["OFF_VMA_TREE_IDX"] == NUMBER


def test_without_a_common_lock_it_says_so() -> None:
    design = Design(False, True, i_mmap=24, trees=4)
    with pytest.raises(NotLearntError, match="in 16 tree operations no rwsem was always held"):
        learn(design, gives_root=True)


def test_two_locks_that_are_always_held_are_not_chosen_from() -> None:
    class Twice(File):
        def held(self, number: int) -> Iterator[tuple[int, Side]]:
            yield self.mapping + 80, Side.WRITE
            yield self.mapping + 128, Side.READ

    learner = Learner(WATCHABLE)
    memory = Memory()
    for _ in range(2):
        file = Twice(memory, Design(True, False, i_mmap=32, trees=1))
        for seen in file.operations(0, gives_root=True):
            learner.see(seen)
    with pytest.raises(NotLearntError, match="2 rwsems of the mapping and 0 of the tree"):
        learner.shape()


@pytest.mark.parametrize("which", ["over the mapping", "of the tree"])
def test_a_lock_that_is_held_now_for_read_and_now_for_write_is_not_left_out(which: str) -> None:
    class Alternating(File):
        def held(self, number: int) -> Iterator[tuple[int, Side]]:
            now = Side.READ if number % 2 else Side.WRITE
            over_mapping, of_tree = (lock for lock, _ in super().held(number))
            yield over_mapping, now if which == "over the mapping" else Side.WRITE
            yield of_tree, now if which == "of the tree" else Side.WRITE

    design = Design(False, True, i_mmap=24, trees=4, lock=16, mapping_lock=80)
    told = f"in 16 tree operations the rwsem {which} was held for read in some and for write in"
    with pytest.raises(NotLearntError, match=told):
        learn(design, gives_root=True, made=Alternating)


@pytest.mark.parametrize("mapping_lock", [None, 80])
def test_what_is_held_for_read_is_no_lock_of_a_tree(mapping_lock: int | None) -> None:
    design = Design(
        False, True, i_mmap=24, trees=4, lock=16, lock_side=Side.READ, mapping_lock=mapping_lock
    )
    with pytest.raises(NotLearntError, match="the rwsem of the tree was held for read: it keeps"):
        learn(design, gives_root=True)


def test_pointers_to_trees_need_a_number_in_the_vma() -> None:
    design = Design(False, True, i_mmap=24, trees=4, lock=16, numbered=False)
    with pytest.raises(NotLearntError, match="the trees' places followed no rule"):
        learn(design, gives_root=True)


@ROOT_IS_GIVEN
def test_an_allocator_that_puts_trees_in_a_row_deceives_nobody(gives_root: bool) -> None:
    class Row(Memory):
        def allocate(self, size: int) -> int:
            self.top += 64 * -(-size // 64)
            return self.top - 64 * -(-size // 64)

    learner = Learner(WATCHABLE)
    memory = Row()
    files = [File(memory, Design(False, True, i_mmap=24, trees=8, lock=16)) for _ in range(2)]
    for number in range(8):
        for file in files:
            for seen in file.operations(number, gives_root):
                learner.see(seen)
    assert learner.shape().trees == TreeArray(inside=False, pointers=True, stride=8, count=8)


def test_a_lock_at_one_place_whatever_the_file_is_not_of_a_file() -> None:
    memory = Memory()
    own = memory.allocate(64)

    class WithOwn(File):
        def held(self, number: int) -> Iterator[tuple[int, Side]]:
            yield own, Side.WRITE
            yield from super().held(number)

    learner = Learner(WATCHABLE)
    for _ in range(2):
        file = WithOwn(memory, Design(True, False, i_mmap=32, trees=1, mapping_lock=80))
        for seen in file.operations(0, gives_root=True):
            learner.see(seen)
    assert learner.shape().offsets["OFF_MAPPING_I_MMAP_RWSEM"] == 80


def test_too_little_was_seen() -> None:
    learner = Learner(WATCHABLE)
    file = File(Memory(), Design(True, False, i_mmap=32, trees=1, mapping_lock=80))
    for seen in file.operations(0, gives_root=True):
        learner.see(seen)
    with pytest.raises(NotLearntError, match="only 2 tree operations"):
        learner.shape()
