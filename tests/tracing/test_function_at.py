# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier in the kernel, on the tables that a session teaches it, says what classify() does.

`function_at` and `classify` here are those of probes/stack.c in Python, line for line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.kernel import classes
from immapscope.kernel.classes import CLASSES, ClassRange, class_table
from immapscope.kernel.symbols import Range
from immapscope.kernel.words import Cause, Operation
from immapscope.tracing import counters as layouts
from immapscope.tracing.sizes import Sizes
from immapscope.tracing.text_index import mark_functions, text_span
from tests.kernel.saved import STOCK, SavedKernel
from tests.kernel.stacks import STACKS

GRANULE = 16
GRANULES_OF_AN_ELEMENT = 4


@dataclass(frozen=True, slots=True)
class Tables:
    """What is in the maps `functions` and `text_index` when the programs start."""

    functions: layouts.Structs
    text_index: layouts.Structs
    base: int

    def function_at(self, address: int) -> layouts.Structs | None:
        """The known function that this address is in."""
        granule = (address - self.base) // GRANULE
        element = granule // GRANULES_OF_AN_ELEMENT
        if address < self.base or element >= len(self.text_index):
            return None
        number = int(self.text_index[element]["four"][granule % GRANULES_OF_AN_ELEMENT])
        if number == 0:
            return None
        if address >= self.functions[number]["end"]:
            number += 1
        function = self.functions[number]
        return function if function["start"] <= address < function["end"] else None

    def classify(self, addresses: Sequence[int]) -> tuple[int, int]:
        """(operation, cause) of return addresses, innermost first."""
        operation = cause = priority = 0
        for address in addresses:
            function = self.function_at(address - 1)
            if function is None:
                continue
            operation = operation or int(function["operation"])
            if function["cause"] and function["priority"] >= priority:
                cause, priority = int(function["cause"]), int(function["priority"])
        return operation or Operation.OTHER.code, cause or Cause.OTHER.code


def taught(known: Sequence[ClassRange]) -> Tables:
    """The tables as a session fills them."""
    base, length = text_span(known)
    sizes = Sizes(cpus=1, nodes=1).with_text(base, length)
    functions = np.zeros(sizes.functions, layouts.FUNCTION)
    text_index = np.zeros(sizes.text_elements, layouts.GRANULES)
    mark_functions(known, base, functions, text_index)
    return Tables(functions, text_index, base)


KERNELS = {name: SavedKernel(name) for name in STOCK}
KNOWN = {name: class_table(kernel.symbols) for name, kernel in KERNELS.items()}
TABLES = {name: taught(known) for name, known in KNOWN.items()}
FUNCTIONS: dict[str, dict[str, list[Range]]] = {
    name: kernel.symbols.find([*CLASSES, "down_write", "up_read", "do_syscall_64"])
    for name, kernel in KERNELS.items()
}


def found_by_search(known: Sequence[ClassRange], address: int) -> ClassRange | None:
    index = bisect_right(known, address, key=lambda one: one.start) - 1
    return known[index] if index >= 0 and address < known[index].end else None


def agree(tables: Tables, known: Sequence[ClassRange], address: int) -> bool:
    found, expected = tables.function_at(address), found_by_search(known, address)
    if found is None:
        return expected is None
    return expected is not None and bool(found["start"] == expected.start)


@pytest.mark.parametrize("kernel", STOCK)
def test_both_ends_of_every_known_function_are_found(kernel: str) -> None:
    for one in KNOWN[kernel]:
        for address in (one.start - 1, one.start, one.start + 1, one.end - 1, one.end):
            assert agree(TABLES[kernel], KNOWN[kernel], address), hex(address)


@given(st.sampled_from(STOCK), st.data())
def test_any_address_near_the_kernels_text_is_in_the_same_function_or_in_none(
    kernel: str, data: st.DataObject
) -> None:
    known = KNOWN[kernel]
    near = st.sampled_from(known).flatmap(
        lambda one: st.integers(one.start - 2 * GRANULE, one.end + 2 * GRANULE)
    )
    anywhere = st.integers(known[0].start - 4096, known[-1].end + 4096)
    address = data.draw(near | anywhere | st.sampled_from([0, 1, (1 << 64) - 1]))
    assert agree(TABLES[kernel], known, address)


@pytest.mark.parametrize("kernel", STOCK)
def test_no_granule_holds_more_functions_than_are_looked_at(kernel: str) -> None:
    in_granule: dict[int, int] = {}
    for one in KNOWN[kernel]:
        for granule in {one.start // GRANULE, (one.end - 1) // GRANULE}:
            in_granule[granule] = in_granule.get(granule, 0) + 1
    assert max(in_granule.values()) <= 2


@st.composite
def packed_functions(draw: st.DrawFn) -> list[ClassRange]:
    """Functions of any length from 16 bytes on, end to end or with a gap, none aligned."""
    known: list[ClassRange] = []
    address = 0xFFFFFFFF81000000 + draw(st.integers(0, 200))
    for number in range(draw(st.integers(1, 12))):
        address += draw(st.just(0) | st.integers(0, 100))
        end = address + draw(st.integers(GRANULE, 150))
        known.append(ClassRange(address, end, number % 6, number % 13, 0))
        address = end
    return known


@settings(max_examples=40)
@given(packed_functions())
def test_functions_that_share_a_granule_are_told_apart(known: list[ClassRange]) -> None:
    tables = taught(known)
    for address in range(known[0].start - 40, known[-1].end + 40):
        assert agree(tables, known, address), hex(address)


@given(st.sampled_from(STOCK), st.data())
def test_a_stack_of_addresses_says_what_its_names_say(kernel: str, data: st.DataObject) -> None:
    ranges = [one for found in FUNCTIONS[kernel].values() for one in found]
    frames = data.draw(st.lists(st.sampled_from(ranges), min_size=1, max_size=12))
    # After a call that is a function's last instruction, it is the first byte behind it.
    addresses = [data.draw(st.integers(one.start + 1, one.end)) for one in frames]
    operation, cause = classes.classify([one.name for one in frames])
    assert operation is not None
    assert cause is not None
    assert TABLES[kernel].classify(addresses) == (operation.code, cause.code)


@pytest.mark.parametrize("kernel", STOCK)
@pytest.mark.parametrize("stack", [pytest.param(stack, id=what) for what, stack, *_ in STACKS])
def test_what_a_kernel_has_of_a_known_stack_comes_out_the_same(kernel: str, stack: str) -> None:
    there = {name: found[0] for name, found in FUNCTIONS[kernel].items() if found}
    frames = [there[frame] for frame in stack.split() if frame in there]
    operation, cause = classes.classify([one.name for one in frames])
    assert operation is not None
    assert cause is not None
    addresses = [one.start + 5 for one in frames]
    assert TABLES[kernel].classify(addresses) == (operation.code, cause.code)
