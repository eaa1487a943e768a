# SPDX-License-Identifier: GPL-2.0-or-later
"""How many customers wanted a CPU as the recording went on, and the clock of work done by one.

Where more wanted one than there are, each got a part of it: a think that lasted a millisecond then
was less than a millisecond's work.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import inlined, signed

#: Steps of the clock, none shorter than so many ns.
_STEPS: Final = 1 << 18
_SHORTEST_NS: Final = 10_000
#: A lack of CPUs that slows work by less than this is not worth a second look at the recording.
_WORTH: Final = 0.005


class Load:
    """Counts over the span of a recording; `step`: ns."""

    def __init__(self, duration_ns: int) -> None:
        self.step = max(_SHORTEST_NS, -(-duration_ns // _STEPS))
        steps = duration_ns // self.step + 2
        #: Spans that cover the whole step, as differences, and the parts that others cover.
        self.whole = np.zeros(steps + 1)
        self.part = np.zeros(steps + 1)

    def wanted(self) -> NDArray[np.float64]:
        """Mean number in each step."""
        return np.cumsum(self.whole) + self.part

    def clock(self, cpus: int) -> NDArray[np.float64] | None:
        """Work done by the begin of each step in ns, None where CPUs were hardly lacking."""
        wanted = self.wanted()
        rate = np.minimum(1.0, cpus / np.maximum(wanted, 1.0))
        if (wanted * (1 - rate)).sum() < _WORTH * wanted.sum():
            return None
        return np.concatenate([[0.0], np.cumsum(rate)]) * self.step

    def excess(self, cpus: int) -> float | None:
        """Mean number over the steps in which it is more than there are CPUs."""
        wanted = self.wanted()
        lacking = wanted > cpus
        return float(wanted[lacking].mean()) if lacking.any() else None


@inlined
def cover(
    whole: NDArray[np.float64], part: NDArray[np.float64], step: int, begin: int, end: int
) -> None:
    """One more wants a CPU from `begin` to `end`, in ns."""
    last = signed(len(part) - 1)
    # Not by division, which is slow: it may be off by one part in 2^50.
    scale = 1.0 / step
    first = min(int(max(begin, 0) * scale), last)
    final = min(int(max(end, 0) * scale), last)
    if first == final:
        part[first] += (end - begin) * scale
        return
    part[first] += first + 1.0 - begin * scale
    part[final] += end * scale - final
    whole[first + 1] += 1.0
    whole[final] -= 1.0


@inlined
def work_at(clock: NDArray[np.float64], step: int, now: int) -> float:
    """Work done by then, in ns."""
    at = min(max(now, 0) // step, signed(len(clock) - 2))
    work: float = clock[at] + (clock[at + 1] - clock[at]) * (now - at * step) / step
    return work
