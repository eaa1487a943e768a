# SPDX-License-Identifier: GPL-2.0-or-later
"""Several trees with a rwsem each, under i_mmap_rwsem with its meaning inverted: not upstream.

The design that Pedro Falcato describes in answer to the second posting of "mm: split the file's
i_mmap tree for NUMA" (linux-mm, 11 June 2026): i_mmap_rwsem taken for read changes one tree, under
that tree's own lock, and taken for write walks them all; the trees are a plain array. The type of
the trees' lock is not said there: a rwsem is what is recognised here.
"""

from immapscope.kernel.btf import Btf
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts.shape import RWSEM, LayoutShape, mapping_lock, several_trees


def match(btf: Btf) -> LayoutShape | None:
    """The shape, or None."""
    trees, lock = several_trees(btf), mapping_lock(btf)
    if trees is None or trees.lock != RWSEM or not lock:
        return None
    return LayoutShape(Layout.INVERTED, trees.array.count, {**trees.offsets, **lock}, trees.array)
