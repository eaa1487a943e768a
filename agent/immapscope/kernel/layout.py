# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of the layouts; layouts/ recognises them."""

from enum import StrEnum


class Layout(StrEnum):
    """How this kernel keeps i_mmap."""

    SINGLE = "single"
    TREE_ONLY = "tree-only"
    SPLIT = "split"
    INVERTED = "inverted"
    UNKNOWN = "unknown"
