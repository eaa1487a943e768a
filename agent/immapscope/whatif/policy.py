# SPDX-License-Identifier: GPL-2.0-or-later
"""Designs as people write them: `node:2`, `inverted:hash:8`; how many trees and how much memory.

The names and what they mean are those of i_mmap_shards= in the lab's kernels (lab/kernels/patches).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from immapscope.errors import UsageError
from immapscope.whatif.machine import Machine


class Layout(StrEnum):
    """Which locks a file has, in the words of docs/layouts.md."""

    SINGLE = "single"
    TREE_ONLY = "tree-only"
    SPLIT = "split"
    INVERTED = "inverted"


class Choice(StrEnum):
    """How a new VMA's tree is chosen."""

    NODE = "node"
    SMALLEST = "smallest"
    CPU = "cpu"
    HASH = "hash"


#: I_MMAP_MAX_SHARDS of the lab's patches.
MOST_TREES: Final = 512

#: Bytes of the structs on x86-64 without debugging: rb_root_cached, rw_semaphore, a pointer.
_ROOT: Final = 16
_RWSEM: Final = 40
_POINTER: Final = 8
#: What kmalloc() rounds to (mm/slab_common.c).
_KMALLOC: Final = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)

_KNOWN: Final = (
    "single, tree-only, node, node:N, smallest:N, cpu, hash:N, and these behind inverted: "
    "as in inverted:cpu"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A design. `number`: what stands behind the colon; None where nothing does."""

    text: str
    layout: Layout
    choice: Choice | None
    number: int | None = None

    def trees(self, machine: Machine) -> int:
        """Of each file. Raises UsageError for more than the kernels take."""
        count = self._trees(machine)
        if count > MOST_TREES:
            raise UsageError(f"--policy {self.text}: {count} trees, where at most {MOST_TREES} go")
        return count

    def _trees(self, machine: Machine) -> int:
        number = self.number or 1
        match self.choice:
            case Choice.NODE:
                return machine.nodes * number
            case Choice.SMALLEST:
                return -(-machine.cpus // number) * number
            case Choice.CPU:
                return machine.cpus
            case Choice.HASH:
                return number
            case None:
                return 1

    def tree_of_cpu(self, machine: Machine) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """Where a mapping made on a CPU goes; 0 where the CPU does not decide."""
        if self.choice is Choice.CPU:
            return np.arange(machine.cpus, dtype=np.int32)
        if self.choice is Choice.NODE:
            number = self.number or 1
            return (machine.node_of_cpu * number + machine.place_in_node % number).astype(np.int32)
        return np.zeros(machine.cpus, np.int32)

    def bytes_per_inode(self, machine: Machine) -> int:
        """That the trees and locks of a file take, empty: see docs/whatif.md."""
        trees = self.trees(machine)
        if self.layout is Layout.SINGLE:
            return _ROOT + _RWSEM
        if self.layout is Layout.TREE_ONLY:
            # A root and a count for each tree.
            return _RWSEM + _POINTER + _kmalloc(trees * _POINTER) + trees * _kmalloc(_ROOT + 8)
        tree = _ROOT + _RWSEM + 8
        if self.layout is Layout.INVERTED:
            return _RWSEM + trees * tree
        return _POINTER + _kmalloc(trees * _POINTER) + trees * _kmalloc(tree)


def parse_policy(text: str) -> Policy:
    """Raises UsageError that names the known ones."""
    words = text.split(":")
    layout = Layout.SPLIT
    if text == Layout.SINGLE:
        return Policy(text, Layout.SINGLE, None)
    if text == Layout.TREE_ONLY:
        # The trees are not waited for, so any choice will do: that of the first posting.
        return Policy(text, Layout.TREE_ONLY, Choice.NODE)
    if words[0] == Layout.INVERTED:
        layout, words = Layout.INVERTED, words[1:]
    if len(words) not in (1, 2) or words[0] not in set(Choice):
        raise UsageError(f"unknown policy {text!r}; known are {_KNOWN}")
    choice = Choice(words[0])
    number = _number(text, words[1]) if len(words) == 2 else None
    if (choice is Choice.CPU) and number is not None:
        raise UsageError(f"policy {text!r}: cpu takes no number, there is a tree for each CPU")
    if choice in (Choice.SMALLEST, Choice.HASH) and number is None:
        raise UsageError(f"policy {text!r}: say how many trees, as in {text}:32")
    return Policy(text, layout, choice, number)


def _number(text: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and 1 <= int(word) <= MOST_TREES):
        raise UsageError(f"policy {text!r}: {word!r} is no number from 1 to {MOST_TREES}")
    return int(word)


def _kmalloc(size: int) -> int:
    return next(room for room in _KMALLOC if room >= size)
