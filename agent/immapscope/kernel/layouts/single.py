# SPDX-License-Identifier: GPL-2.0-or-later
"""One tree and one rwsem for each file: what every released kernel has.

address_space.i_mmap is a struct rb_root_cached since f808c13fd373 ("lib/interval_tree: fast overlap
detection"), and i_mmap_rwsem a rwsem since c8c06efa8b55 ("mm: convert i_mmap_mutex to rwsem"). The
two lie side by side or, since d3b1a9a778e1 ("fs/address_space: move i_mmap_rwsem to mitigate a
false sharing with i_mmap."), apart, so both offsets are asked for.
"""

from immapscope.kernel.btf import Btf, MissingMemberError
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts.shape import ROOT, LayoutShape, mapping_lock


def match(btf: Btf) -> LayoutShape | None:
    """The shape, or None."""
    try:
        tree = btf.member("address_space", "i_mmap")
    except MissingMemberError:
        return None
    lock = mapping_lock(btf)
    if tree.type != ROOT or not lock:
        return None
    return LayoutShape(Layout.SINGLE, 1, {"OFF_MAPPING_I_MMAP": tree.offset} | lock)
