# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics that have series for each file: names, labels, and how many lines a series takes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS


class Family(IntEnum):
    """One metric each, in the order of exposition; `BUCKET` is a part of `DURATION`."""

    WAIT = 0
    SPIN = 1
    CONTENDED = 2
    ACQUISITIONS = 3
    HOLD = 4
    CAUSE = 5
    HOLDERS = 6
    TREE_OPERATIONS = 7
    SWEEPS = 8
    SWEEP_WAIT = 9
    DURATION = 10
    BUCKET = 11


@dataclass(frozen=True, slots=True)
class Description:
    """`name` without `_total`; `labels` beyond file and inode; values are ns where `seconds`."""

    name: str
    labels: tuple[str, ...]
    help: str
    seconds: bool = False


COUNTERS: Final[Mapping[Family, Description]] = {
    Family.WAIT: Description(
        "immap_wait_seconds",
        ("shard", "node", "operation"),
        "Time tasks waited for the i_mmap lock of a file, spinning and sleeping.",
        seconds=True,
    ),
    Family.SPIN: Description(
        "immap_spin_seconds",
        ("shard", "node", "operation"),
        "The part of the wait before queueing, of writers only.",
        seconds=True,
    ),
    Family.CONTENDED: Description(
        "immap_contended",
        ("shard", "node", "operation"),
        "Times that a task had to wait for the i_mmap lock and obtained it.",
    ),
    Family.ACQUISITIONS: Description(
        "immap_acquisitions",
        ("shard", "operation"),
        "Times that the i_mmap lock was obtained; full mode only.",
    ),
    Family.HOLD: Description(
        "immap_hold_seconds",
        ("shard", "operation"),
        "Time from having the i_mmap lock to its release; full mode only.",
        seconds=True,
    ),
    Family.CAUSE: Description(
        "immap_wait_cause_seconds",
        ("cause", "operation"),
        "Time tasks waited, by why they asked for the lock.",
        seconds=True,
    ),
    Family.HOLDERS: Description(
        "immap_waits_by_holder",
        ("node", "holder_node"),
        "Waits by the node that waited and that of the writer that had the lock when they began.",
    ),
    Family.TREE_OPERATIONS: Description(
        "immap_tree_operations",
        ("shard", "operation"),
        "Changes of the tree of mappings of a file.",
    ),
    Family.SWEEPS: Description(
        "immap_sweeps", (), "Times that one path took the lock of every shard of a file in turn."
    ),
    Family.SWEEP_WAIT: Description(
        "immap_sweep_wait_seconds", (), "Time waited in sweeps.", seconds=True
    ),
}

DURATION: Final = Description(
    "immap_wait_duration_seconds",
    ("node",),
    "How long each wait for the i_mmap lock took.",
    seconds=True,
)

VMAS: Final = Description(
    "immap_shard_vmas", ("shard",), "Mappings in a tree, where they could be counted from none on."
)

#: Families that contention mode does not measure.
FULL_MODE_ONLY: Final = frozenset({Family.ACQUISITIONS, Family.HOLD})

#: The bounds of every histogram, in ns: 2**10 (1.02 us) to 2**33 (8.59 s). Shorter waits are in
#: the first bucket, longer ones in +Inf.
DURATION_BOUNDS_NS: Final = tuple(
    bound for bound in WAIT_BUCKET_BOUNDS_NS if 1 << 10 <= bound <= 1 << 33
)

#: The `le` of each bucket, as short as a text that gives the very bound can be.
DURATION_BOUNDS: Final = (*(repr(bound / 10**9) for bound in DURATION_BOUNDS_NS), "+Inf")

#: For each bucket of a snapshot, the index of the bucket here that it is part of.
EXPOSED_BUCKET: Final = tuple(
    bisect_left(DURATION_BOUNDS_NS, bound)
    for bound in (*WAIT_BUCKET_BOUNDS_NS, WAIT_BUCKET_BOUNDS_NS[-1] + 1)
)


def lines_of(family: Family) -> int:
    """Sample lines of one series, `_created` apart: a histogram's are all with `DURATION`."""
    if family is Family.BUCKET:
        return 0
    return len(DURATION_BOUNDS) + len(("_count", "_sum")) if family is Family.DURATION else 1
