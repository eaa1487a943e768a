# SPDX-License-Identifier: GPL-2.0-or-later
"""Several trees for each file with a rwsem each, and no lock over the whole mapping: not upstream.

The design of the second posting of "mm: split the file's i_mmap tree for NUMA" (linux-mm, 11 June
2026): i_mmap leads to trees of { rb_root_cached, rw_semaphore }, i_mmap_rwsem is gone, and
vm_area_struct.tree_idx says which tree a VMA is in.
"""

from immapscope.kernel.btf import Btf
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts.shape import RWSEM, LayoutShape, has_no_mapping_lock, several_trees


def match(btf: Btf) -> LayoutShape | None:
    """The shape, or None."""
    trees = several_trees(btf)
    if trees is None or trees.lock != RWSEM or not has_no_mapping_lock(btf):
        return None
    return LayoutShape(Layout.SPLIT, trees.array.count, trees.offsets, trees.array)
