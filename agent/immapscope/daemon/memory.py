# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that a reading needed for a moment goes back to the system."""

from __future__ import annotations

import ctypes
from typing import Final

_LIBC: Final = ctypes.CDLL(None)


def give_back() -> None:
    """What malloc holds and nobody uses (malloc_trim(3), which other C libraries lack)."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
