# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables by which probes/stack.c finds the known function that an address is in."""

from __future__ import annotations

from collections.abc import Sequence

from immapscope.kernel.classes import ClassRange
from immapscope.tracing.counters import Structs
from immapscope.tracing.sizes import TEXT_ELEMENT_BYTES

GRANULE = 16


def text_span(known: Sequence[ClassRange]) -> tuple[int, int]:
    """Where the kernel text begins that the index describes, and its length in bytes."""
    base = min(one.start for one in known) // TEXT_ELEMENT_BYTES * TEXT_ELEMENT_BYTES
    return base, max(one.end for one in known) - base


def mark_functions(
    known: Sequence[ClassRange], base: int, functions: Structs, text_index: Structs
) -> None:
    """Writes `known`, sorted by address, into both tables, of text that begins at `base`."""
    granules = text_index["four"].reshape(-1)
    # Backwards, so that of two functions in one granule the first by address stays.
    for number, one in reversed(list(enumerate(known, start=1))):
        functions[number] = (one.start, one.end, one.operation, one.cause, one.priority)
        first = (one.start - base) // GRANULE
        last = (one.end - 1 - base) // GRANULE
        granules[first : last + 1] = number
