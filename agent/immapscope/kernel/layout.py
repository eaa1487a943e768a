# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of the layouts; layouts/ recognises them."""

from enum import StrEnum


class Layout(StrEnum):
    """How this kernel keeps i_mmap.

    `NESTED` has the locks of `INVERTED`, both taken for write to change a tree. BTF does not show
    how a lock is taken, so no shape is this one: it is what was seen of an unknown layout.
    """

    SINGLE = "single"
    TREE_ONLY = "tree-only"
    SPLIT = "split"
    INVERTED = "inverted"
    NESTED = "nested"
    UNKNOWN = "unknown"
