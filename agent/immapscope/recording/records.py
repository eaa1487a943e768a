# SPDX-License-Identifier: GPL-2.0-or-later
"""Records as the kernel writes them into the ring buffer, and what their codes stand for."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.recording.schema import Kind

Records = NDArray[np.void]

#: enum record_kind of probes/ring.c, in its order.
KINDS: Final = (
    Kind.ACQUISITION, Kind.WAIT, Kind.FAILED_TRYLOCK, Kind.TREE, Kind.FORK, Kind.EXEC, Kind.EXIT,
)  # fmt: skip
#: Kinds that are about a file; the others are about tasks, and `slot` of a fork is its child.
OF_FILES: Final = KINDS[:4]

#: enum record_flags.
CONTENDED, INTERRUPTED, HOLD_UNKNOWN = 1, 2, 4

#: The ring buffer's own header of a record (struct bpf_ringbuf_hdr, kernel/bpf/ringbuf.c).
_HEADER: Final = [("length", "u4"), ("page", "u4")]
#: struct record of probes/ring.c.
RECORD_ITSELF: Final = np.dtype(
    [
        ("time", "u8"), ("id", "u8"), ("wait_or_vma", "u8"), ("spin_or_parent", "u8"),
        ("hold", "u8"), ("task", "u4"), ("slot", "u4"), ("stack", "i4"), ("cpu", "u2"),
        ("node", "u2"), ("holder_node", "u2"), ("holder", "u1"), ("kind", "u1"),
        ("operation", "u1"), ("cause", "u1"), ("side", "u1"), ("flags", "u1"),
    ]
)  # fmt: skip
RECORD: Final = np.dtype(_HEADER + RECORD_ITSELF.descr)

#: struct refused of probes/ring.c.
REFUSED: Final = np.dtype([("records", "u8", len(KINDS)), ("waits", "u8")])
