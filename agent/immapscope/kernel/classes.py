# SPDX-License-Identifier: GPL-2.0-or-later
"""From a kernel stack to an operation and a cause.

`classify` is the reference for the classifier that runs in the kernel on the ranges that
`class_table` gives. The rules, over the frames of one stack:

- operation: of the functions that have one, the nearest to the lock decides;
- cause: of the functions that have one, the highest rank decides, and among equals the outermost.

A return address lies after its call, and after a call that never returns (do_exit) it may be the
first of the next function: look up the address minus one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from immapscope.kernel.causes import CAUSES, ENTRY_RANK
from immapscope.kernel.operations import OPERATIONS
from immapscope.kernel.symbols import Symbols
from immapscope.kernel.words import Cause, Operation


@dataclass(frozen=True, slots=True)
class FunctionClass:
    """What a function on the stack says. `rank` is that of the cause; 0 where there is none."""

    name: str
    operation: Operation | None
    cause: Cause | None
    rank: int


@dataclass(frozen=True, slots=True)
class ClassRange:
    """Text [start, end) whose frames say `operation` and `cause` (codes, 0 for neither).

    A later frame, outwards, replaces the cause so far if its `priority` is not lower.
    """

    start: int
    end: int
    operation: int
    cause: int
    priority: int


def _function_class(name: str) -> FunctionClass:
    cause, rank = CAUSES.get(name, (None, ENTRY_RANK))
    return FunctionClass(name, OPERATIONS.get(name), cause, rank)


CLASSES: dict[str, FunctionClass] = {
    name: _function_class(name) for name in sorted(OPERATIONS.keys() | CAUSES.keys())
}
"""Every function that says something, by its C name."""

_C_NAME = re.compile(r"\w+")


def classify(frames: Sequence[str]) -> tuple[Operation | None, Cause | None]:
    """What a stack says, innermost frame first.

    A frame is a symbol's name; compiler suffixes and what follows the name do not count. (None,
    None) for no frames at all: then nothing is known. With frames that say nothing: `OTHER`.
    """
    if not frames:
        return None, None
    operation: Operation | None = None
    cause: Cause | None = None
    rank = ENTRY_RANK
    for frame in frames:
        name = _C_NAME.match(frame)
        found = CLASSES.get(name[0]) if name else None
        if found is None:
            continue
        operation = operation or found.operation
        if found.cause is not None and found.rank >= rank:
            cause, rank = found.cause, found.rank
    return operation or Operation.OTHER, cause or Cause.OTHER


def class_table(symbols: Symbols) -> list[ClassRange]:
    """The ranges of this kernel, by address and without overlap: about 200.

    Only functions of the kernel itself: a module's own function of the same name says nothing.
    Raises SymbolsError if the kernel hides addresses.
    """
    ranges = [
        ClassRange(
            one.start,
            one.end,
            found.operation.code if found.operation else 0,
            found.cause.code if found.cause else 0,
            found.rank,
        )
        for name, where in symbols.find(CLASSES).items()
        for found in (CLASSES[name],)
        for one in where
        if one.module is None
    ]
    return sorted(ranges, key=lambda one: one.start)
