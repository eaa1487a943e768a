# SPDX-License-Identifier: GPL-2.0-or-later
"""A stack says what its holder does to the tree and why, on every series alike."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.kernel.causes import CAUSES
from immapscope.kernel.classes import CLASSES, ClassRange, class_table, classify
from immapscope.kernel.symbols import Range, Symbols, SymbolsError
from immapscope.kernel.words import Cause, Operation
from tests.kernel.saved import STOCK, SavedKernel
from tests.kernel.stacks import STACKS


@pytest.mark.parametrize(
    ("stack", "operation", "cause"),
    [pytest.param(*rest, id=what) for what, *rest in STACKS],
)
def test_a_stack_is_classified(stack: str, operation: Operation, cause: Cause) -> None:
    assert classify(stack.split()) == (operation, cause)


def test_without_a_stack_nothing_is_known() -> None:
    assert classify([]) == (None, None)


def test_what_follows_a_name_does_not_count() -> None:
    frames = ["vma_prepare.isra.0+0x1f/0x2e0", "do_mprotect_pkey+0x2a0/0x410 [kernel]", "0xffff"]
    assert classify(frames) == (Operation.ADJUST, Cause.MPROTECT)


def test_every_cause_but_other_can_be_met() -> None:
    assert {cause for cause, _ in CAUSES.values()} == set(Cause) - {Cause.OTHER}


def test_reclaim_outranks_migration_and_migration_writeback() -> None:
    ranks = dict(CAUSES.values())
    assert ranks[Cause.RECLAIM] > ranks[Cause.MIGRATE] > ranks[Cause.WRITEBACK] > 0
    assert {
        rank
        for cause, rank in ranks.items()
        if cause not in (Cause.RECLAIM, Cause.MIGRATE, Cause.WRITEBACK)
    } == {0}


def test_every_stock_kernel_can_show_every_operation_and_cause(stock: SavedKernel) -> None:
    table = class_table(stock.symbols)
    assert {one.operation for one in table} - {0} == {
        word.code for word in Operation if word is not Operation.OTHER
    }
    assert {one.cause for one in table} - {0} == {
        word.code for word in Cause if word is not Cause.OTHER
    }


def test_the_table_is_sorted_without_overlap_and_small(stock: SavedKernel) -> None:
    table = class_table(stock.symbols)
    assert all(one.end <= other.start for one, other in pairwise(table))
    assert 100 < len(table) < 256


def test_a_function_of_a_module_says_nothing() -> None:
    symbols = Symbols(
        b"ffffffff81000000 T do_mmap\nffffffff81000100 T x\nffffffffc0000000 t evict_folios\t[m]\n"
    )
    assert class_table(symbols) == [
        ClassRange(0xFFFFFFFF81000000, 0xFFFFFFFF81000100, 0, Cause.MMAP.code, 0)
    ]


def test_hidden_addresses_give_no_table() -> None:
    with pytest.raises(SymbolsError, match="CAP_SYSLOG"):
        class_table(Symbols(b"0000000000000000 T do_mmap\n"))


def in_kernel(table: list[ClassRange], addresses: list[int]) -> tuple[int, int]:
    """What the program in the kernel does with return addresses, innermost first."""
    starts = [one.start for one in table]
    operation = cause = priority = 0
    for address in addresses:
        index = bisect_right(starts, address - 1) - 1
        if index < 0 or address - 1 >= table[index].end:
            continue
        found = table[index]
        operation = operation or found.operation
        if found.cause and found.priority >= priority:
            cause, priority = found.cause, found.priority
    return operation or Operation.OTHER.code, cause or Cause.OTHER.code


KERNELS = {name: SavedKernel(name) for name in STOCK}
TABLES = {name: class_table(kernel.symbols) for name, kernel in KERNELS.items()}
FUNCTIONS: dict[str, list[Range]] = {
    name: [
        one
        for found in kernel.symbols.find([*CLASSES, "down_write", "up_read"]).values()
        for one in found
    ]
    for name, kernel in KERNELS.items()
}


@given(st.sampled_from(STOCK), st.data())
def test_addresses_say_what_names_say(name: str, data: st.DataObject) -> None:
    functions = st.sampled_from(FUNCTIONS[name])
    frames = data.draw(st.lists(functions, min_size=1, max_size=12))
    # A call may be a function's last instruction: it then returns to the first byte after it.
    addresses = [data.draw(st.integers(one.start + 1, one.end)) for one in frames]
    operation, cause = classify([one.name for one in frames])
    assert operation is not None
    assert cause is not None
    assert in_kernel(TABLES[name], addresses) == (operation.code, cause.code)
