# SPDX-License-Identifier: GPL-2.0-or-later
"""How a kernel keeps address_space.i_mmap: a small file for each shape, the newest tried first."""

from immapscope.kernel.btf import Btf
from immapscope.kernel.layout import Layout
from immapscope.kernel.layouts import inverted, single, split, tree_only
from immapscope.kernel.layouts.shape import LayoutShape

_NEWEST_FIRST = (inverted, split, tree_only, single)


def detect(btf: Btf) -> LayoutShape | None:
    """The shape of this kernel's i_mmap; None if it is none of those known here."""
    return next((found for shape in _NEWEST_FIRST if (found := shape.match(btf))), None)


__all__ = ["Layout", "LayoutShape", "detect"]
