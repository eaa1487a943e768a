# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files lose their slot: those that were idle for long, sooner where slots are scarce."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.tracing.recycling import Slots

#: Where fewer slots than this part are free, the longest idle go until `_ENOUGH` are.
SCARCE: Final = 0.25
_ENOUGH: Final = 0.5


class Keeper:
    """Remembers when each slot last had something new. Times are monotonic seconds."""

    def __init__(self, slots: int) -> None:
        #: 0 for a slot that no reading has found a file in.
        self._last: NDArray[np.float64] = np.zeros(slots)
        self._read = 0.0

    def note(self, active: Slots, claimed: Slots, now: float) -> None:
        """What a reading found: the slots with something new, and all that files have."""
        # A slot that no file has is forgotten: its next file is not as idle as its last one.
        last = np.zeros_like(self._last)
        last[claimed] = np.where(self._last[claimed] == 0, now, self._last[claimed])
        last[active] = now
        self._last = last
        self._read = now

    def forget(self, slots: Slots) -> None:
        """These are nobody's any more."""
        self._last[slots] = 0

    def due(self, claimed: Slots, room: int, now: float, idle_after: float) -> Slots:
        """Those of `claimed` to be retired, given `room` slots in all, the longest idle first.

        What had something new in the newest reading stays, however scarce slots are.
        """
        last = self._last[claimed]
        idle: Slots = claimed[(last != 0) & (last < self._read)]
        idle = idle[np.argsort(self._last[idle], kind="stable")]
        count = int(np.count_nonzero(now - self._last[idle] >= idle_after))
        free = room - len(claimed)
        if free < SCARCE * room:
            count = max(count, int(_ENOUGH * room) - free)
        return idle[:count]
