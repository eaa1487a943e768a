# SPDX-License-Identifier: GPL-2.0-or-later
"""What is replayed: the acquisitions of a recording, linked to chains, in arrays of structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records

#: Bits of `Events.kind`. A sweep walks over the file and changes nothing. In one-by-one changes
#: the lock of each run of VMAs is taken and given back in turn; else all are held together.
SWEEP, WRITE, ONE_BY_ONE, SLEEP, SPAWNS = 1, 2, 4, 8, 16

#: The two high bits of a VMA say what becomes of the VMA: it stays, it is new, it is new
#: and in the tree of the VMA before it, it goes; the others which VMA it is.
STAYS, NEW, COPY, GOES = 0, 1, 2, 3
WHAT_SHIFT: Final = 30
VMA_MASK: Final = (1 << WHAT_SHIFT) - 1

#: The event that follows the last one of a chain.
NOTHING: Final = 0xFFFFFFFF
#: An acquisition. `think`: ns from the release before in the chain; `hold`: ns; `following`: the
#: next event of the chain; `file`, `cpu`: numbers; `kind`: bits. It concerns `count` VMAs: `vmas`
#: is the one, or where several begin in `Events.vmas`.
EVENT: Final = np.dtype(
    [
        ("think", "f4"), ("hold", "f4"), ("following", "u4"), ("file", "u4"), ("vmas", "u4"),
        ("cpu", "u2"), ("kind", "u1"), ("count", "u1"),
    ]
)  # fmt: skip


class Events(NamedTuple):
    """Acquisitions in the order of their releases, and what links them.

    `head`, `start`: first events of the chains that begin by themselves, and when they ask, in ns,
    sorted. `origin`, `spawned`: after that event this chain begins too, sorted. `address`: the hash
    of each VMA's address.
    """

    all: Records
    vmas: NDArray[np.uint32]
    head: NDArray[np.uint32]
    start: NDArray[np.float64]
    origin: NDArray[np.uint32]
    spawned: NDArray[np.uint32]
    address: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Gaps:
    """ns from a release to when one who waited for it was there.

    By whether both are on one node: QUANTILES quantiles, evenly spaced; None where that was never
    seen.
    """

    same: NDArray[np.float64] | None
    remote: NDArray[np.float64] | None


#: How many quantiles are kept of gaps and spins.
QUANTILES: Final = 256


@dataclass(frozen=True, slots=True)
class Trace:
    """A recording, ready to be replayed.

    `node_of_cpu`: of the recorded machine. `gaps`: of those who slept, `spin_gaps`: who spun;
    `spins`: quantiles of the ns for which writers do, None where nobody was seen to, inf where
    nobody was seen to give it up. `waits`: recorded
    ns by block of events; `contended`: how many waited. `drawn`: VMAs that are older than the
    recording, of `vmas`; `orphans`: changes whose acquisition is not there, `unknown_holds`:
    acquisitions without a hold, which got the mean, `nameless`: acquisitions of files without a
    row, which are left out. `load`: how many customers wanted a CPU, mean over the time in which
    more did than there were CPUs; None if none did. `work_ns`: what the chains want of CPUs, thinks
    that are no sleep and holds; `walks_ns`: the holds of walks among it.
    """

    events: Events
    node_of_cpu: NDArray[Any]
    files: int
    gaps: Gaps
    spin_gaps: Gaps
    spins: NDArray[np.float64] | None
    waits: NDArray[np.float64]
    contended: int
    execs: int
    duration_ns: int
    vmas: int
    drawn: int
    orphans: int
    unknown_holds: int
    nameless: int
    load: float | None
    work_ns: float
    walks_ns: float

    @property
    def acquisitions(self) -> int:
        """How many are replayed."""
        return len(self.events.all)

    @property
    def chains(self) -> int:
        """Customers, those that others begin among them."""
        return len(self.events.head) + len(self.events.spawned)


#: Blocks of events that resampling draws from.
BLOCKS: Final = 64


def block_length(events: int) -> int:
    """Events in each of the BLOCKS."""
    return max(1, -(-events // BLOCKS))
