# SPDX-License-Identifier: GPL-2.0-or-later
"""What a layout is, and how several trees of one file are laid out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from immapscope.kernel.btf import Btf, Member, MissingMemberError
from immapscope.kernel.layout import Layout

#: Variables that hold how many trees a file has: the lab's own, and the second posting's.
SHARD_COUNTS = ("nr_i_mmap_shards", "split_tree_num")

ROOT = "struct rb_root_cached"
RWSEM = "struct rw_semaphore"


@dataclass(frozen=True, slots=True)
class TreeArray:
    """Where the trees of one file are, seen from address_space.i_mmap.

    `inside`: i_mmap is the array itself; else it points to one that was allocated.
    `pointers`: its elements point to trees; else they are the trees.
    `stride`: bytes from one element to the next. `count`: elements, None where only the running
    kernel knows.
    """

    inside: bool
    pointers: bool
    stride: int
    count: int | None


@dataclass(frozen=True, slots=True)
class LayoutShape:
    """A layout that was recognised.

    `shards`: trees of one file, None where only the running kernel knows. `offsets`: by macro
    name, in bytes. `trees`: None where there is one tree, which is i_mmap itself.
    """

    layout: Layout
    shards: int | None
    offsets: Mapping[str, int]
    trees: TreeArray | None = None


@dataclass(frozen=True, slots=True)
class SeveralTrees:
    """i_mmap where it is several trees: `lock` is the type of a tree's own lock, or None."""

    array: TreeArray
    lock: str | None
    offsets: Mapping[str, int]


_SPELLING = re.compile(r"struct (?P<tree>\w+)(?: (?P<stars>\*+))?(?:\[(?P<count>\d+)\])?")


def several_trees(btf: Btf) -> SeveralTrees | None:
    """Reads i_mmap as several trees; None if it is one tree, or nothing that is known here."""
    try:
        i_mmap = btf.member("address_space", "i_mmap")
    except MissingMemberError:
        return None
    spelled = _SPELLING.fullmatch(i_mmap.type)
    if spelled is None or i_mmap.type == ROOT:
        return None
    tree = spelled["tree"]
    inside = spelled["count"] is not None
    # A pointer to trees costs one star; what is left says that the elements are pointers too.
    stars = len(spelled["stars"] or "") - (0 if inside else 1)
    root, lock = _root_and_lock(btf, tree)
    if root is None or stars not in (0, 1):
        return None
    count = int(spelled["count"]) if inside else None
    pointers = stars == 1
    # Where elements are pointers, so is i_mmap, or it is nothing but them.
    stride = i_mmap.size // (count or 1) if pointers else btf.struct_size(tree)
    offsets = {"OFF_MAPPING_I_MMAP": i_mmap.offset, "OFF_TREE_ROOT": root, **tree_node(btf)}
    if lock is not None and lock[0] == RWSEM:
        offsets["OFF_TREE_RWSEM"] = lock[1]
    return SeveralTrees(
        TreeArray(inside, pointers, stride, count),
        lock[0] if lock else None,
        offsets | _tree_index(btf),
    )


def has_no_mapping_lock(btf: Btf) -> bool:
    """True if no rwsem over the whole mapping is left."""
    return not _mapping_locks(btf)


def mapping_lock(btf: Btf) -> dict[str, int]:
    """The offset of address_space.i_mmap_rwsem by macro name.

    Empty if it is not there, is no rwsem, or is not the only one that could be meant.
    """
    locks = _mapping_locks(btf)
    if locks.keys() != {"i_mmap_rwsem"} or locks["i_mmap_rwsem"].type != RWSEM:
        return {}
    return {"OFF_MAPPING_I_MMAP_RWSEM": locks["i_mmap_rwsem"].offset}


def _mapping_locks(btf: Btf) -> dict[str, Member]:
    if not btf.has_struct("address_space"):
        return {}
    return {
        name: member
        for name, member in btf.members("address_space").items()
        if name == "i_mmap_rwsem" or (member.type == RWSEM and name != "invalidate_lock")
    }


def _root_and_lock(btf: Btf, tree: str) -> tuple[int | None, tuple[str, int] | None]:
    """Offset of the rb root in a tree, and (type, offset) of a lock of its own if it has one."""
    if f"struct {tree}" == ROOT:
        return 0, None
    if not btf.has_struct(tree):
        return None, None
    members = btf.members(tree).values()
    roots = [member.offset for member in members if member.type == ROOT]
    locks = [(m.type, m.offset) for m in members if re.search(r"lock|mutex|sem", m.type)]
    return roots[0] if len(roots) == 1 else None, locks[0] if locks else None


def tree_node(btf: Btf) -> dict[str, int]:
    """The offset of a VMA's node of the tree by macro name; empty if BTF does not say."""
    try:
        return {"OFF_VMA_RB": btf.member("vm_area_struct", "shared.rb").offset}
    except MissingMemberError:
        return {}


def _tree_index(btf: Btf) -> dict[str, int]:
    # A kernel that derives a VMA's tree anew each time (from a hash of its address) stores none.
    try:
        index = btf.member("vm_area_struct", "tree_idx")
    except MissingMemberError:
        return {}
    return {"OFF_VMA_TREE_IDX": index.offset, "SIZE_VMA_TREE_IDX": index.size}
