# SPDX-License-Identifier: GPL-2.0-or-later
"""Which measures are judged together, so that chance has one try in 20."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float | None]) -> list[float | None]:
    """The same, so that of all of them together one in 20 is called a difference by chance."""
    known = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    most = 0.0
    for rank, (value, index) in enumerate(known):
        most = max(most, min(1.0, value * (len(known) - rank)))
        adjusted[index] = most
    return adjusted
