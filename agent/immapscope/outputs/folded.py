# SPDX-License-Identifier: GPL-2.0-or-later
"""Folded stacks for flame graph tools: `outermost;...;innermost MICROSECONDS`, sorted.

The weight is time waited, in whole microseconds; a stack that rounds to none is dropped. Waiting
whose stack is not known is under `[no_stack]`, so that a graph's width is all that was waited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from immapscope.outputs.printable import printable
from immapscope.snapshot import Snapshot

NO_STACK: Final = "[no_stack]"
UNKNOWN_FRAME: Final = "[unknown]"


def stacks(snapshot: Snapshot) -> str:
    """One line a stack; empty where nothing was waited on."""
    weights: Counter[str] = Counter()
    for stack in snapshot.stacks:
        weights[_folded(stack.frames)] += stack.wait_ns
    known = sum(weights.values())
    weights[NO_STACK] += max(0, snapshot.totals.wait_ns - known)
    lines = ((frames, round(ns / 1000)) for frames, ns in sorted(weights.items()))
    return "".join(f"{frames} {weight}\n" for frames, weight in lines if weight)


def _folded(frames: Sequence[str]) -> str:
    return ";".join(_safe(frame or UNKNOWN_FRAME) for frame in frames) or NO_STACK


def _safe(frame: str) -> str:
    """Without what separates frames and weights."""
    return printable(frame.replace(";", ":").replace(" ", "_"))
