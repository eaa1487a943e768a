# SPDX-License-Identifier: GPL-2.0-or-later
"""Text cut to a number of terminal cells."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

ELLIPSIS: Final = "…"


def shortened(text: str, cells: int) -> str:
    """Printable text in at most `cells` terminal cells, its middle replaced by an ellipsis.

    The tail keeps the larger half: versions and suffixes tell names apart.
    """
    if cell_len(text) <= cells:
        return text
    if cells <= 1:
        return ELLIPSIS[:cells]
    head = _fitting(text, (cells - 1) // 2)
    tail = _fitting(text[::-1], cells - 1 - cell_len(head))[::-1]
    return head + ELLIPSIS + tail


def _fitting(text: str, cells: int) -> str:
    """The longest start of `text` that fits."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > cells:
            return text[:index]
    return text
