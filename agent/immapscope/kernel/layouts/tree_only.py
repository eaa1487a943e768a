# SPDX-License-Identifier: GPL-2.0-or-later
"""Several trees for each file, all under the one i_mmap_rwsem: not upstream.

The design of the first posting of "mm: split the file's i_mmap tree for NUMA" (linux-mm, 13 April
2026): i_mmap leads to several trees that have no lock of their own, and i_mmap_rwsem stays.
"""

from immapscope.kernel.btf import Btf
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts.shape import LayoutShape, mapping_lock, several_trees


def match(btf: Btf) -> LayoutShape | None:
    """The shape, or None."""
    trees, lock = several_trees(btf), mapping_lock(btf)
    if trees is None or trees.lock is not None or not lock:
        return None
    return LayoutShape(Layout.TREE_ONLY, trees.array.count, {**trees.offsets, **lock}, trees.array)
