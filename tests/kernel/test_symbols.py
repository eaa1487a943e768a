# SPDX-License-Identifier: GPL-2.0-or-later
"""A kallsyms text gives every function's ranges, whatever the compiler made of its name."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.kernel.symbols import Range, Symbols, SymbolsError

LISTING = b"""\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 T _stext
ffffffff81000100 t copy_process
ffffffff81000900 t rwsem_down_write_slowpath
ffffffff81000a00 T down_write
ffffffff81000b00 t move_vma.constprop.0
ffffffff81000c00 W arch_unmap
ffffffff81000d00 t copy_process.cold
ffffffff81000e00 D jiffies
ffffffffc0002000 t xfs_helper\t[xfs]
ffffffffc0001000 t down_write\t[other]
ffffffffc0001200 t last.isra.0.part.3\t[other]
"""


@pytest.fixture
def symbols() -> Symbols:
    return Symbols(LISTING)


def test_a_function_ends_where_the_next_one_begins(symbols: Symbols) -> None:
    assert symbols.by_name("rwsem_down_write_slowpath") == [
        Range("rwsem_down_write_slowpath", 0xFFFFFFFF81000900, 0xFFFFFFFF81000A00)
    ]


def test_symbols_of_one_address_share_a_range(symbols: Symbols) -> None:
    assert symbols.by_name("_text")[0].end == symbols.by_name("_stext")[0].end


def test_a_function_that_was_split_has_several_ranges(symbols: Symbols) -> None:
    assert [found.name for found in symbols.by_name("copy_process")] == [
        "copy_process",
        "copy_process.cold",
    ]


def test_compiler_suffixes_do_not_count(symbols: Symbols) -> None:
    assert symbols.by_name("move_vma")[0].name == "move_vma.constprop.0"
    assert symbols.by_name("last")[0].name == "last.isra.0.part.3"


def test_a_kprobe_needs_the_exact_name(symbols: Symbols) -> None:
    assert symbols.has("move_vma.constprop.0")
    assert not symbols.has("move_vma")


def test_weak_functions_are_functions_and_data_are_not(symbols: Symbols) -> None:
    assert symbols.has("arch_unmap")
    assert not symbols.has("jiffies")
    assert not symbols.has("fixed_percpu_data")


def test_functions_of_modules_are_included_and_say_so(symbols: Symbols) -> None:
    assert [found.module for found in symbols.by_name("down_write")] == [None, "other"]


def test_modules_need_not_be_listed_in_order(symbols: Symbols) -> None:
    assert symbols.by_name("last")[0].end == 0xFFFFFFFFC0002000


def test_the_last_function_has_no_known_end(symbols: Symbols) -> None:
    assert symbols.by_name("xfs_helper")[0].end == 1 << 64


def test_many_names_are_found_at_once(symbols: Symbols) -> None:
    found = symbols.find(["down_write", "no_such_function"])
    assert len(found["down_write"]) == 2
    assert found["no_such_function"] == []


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0xFFFFFFFF81000100, "copy_process"),
        (0xFFFFFFFF810008FF, "copy_process"),
        (0xFFFFFFFF81000BFF, "move_vma.constprop.0"),
        (0xFFFFFFFFC0001000, "down_write"),
        (0xFFFFFFFFFFFFFFFF, "xfs_helper"),
        (0x1234, "0x1234"),
    ],
)
def test_an_address_has_the_name_of_the_function_around_it(
    symbols: Symbols, address: int, name: str
) -> None:
    assert symbols.name_at(address) == name


def test_hidden_addresses_leave_the_names() -> None:
    hidden = Symbols(b"0000000000000000 T down_write\n0000000000000000 T up_write\n")
    assert hidden.hidden
    assert hidden.has("down_write")
    with pytest.raises(SymbolsError, match="CAP_SYSLOG"):
        hidden.by_name("down_write")


def test_shown_addresses_are_not_hidden(symbols: Symbols) -> None:
    assert not symbols.hidden


@pytest.mark.parametrize("text", [b"", b"nothing of the kind\n", b"ffffffff81000000 D data\n"])
def test_a_text_without_functions_is_refused(text: bytes) -> None:
    with pytest.raises(SymbolsError, match="no text symbol"):
        Symbols(text)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SymbolsError, match=r"kallsyms: No such file.*CONFIG_KALLSYMS"):
        Symbols.from_file(tmp_path / "kallsyms")


@given(st.sets(st.integers(1, 1 << 63), min_size=1, max_size=30), st.randoms())
def test_ranges_never_overlap_and_leave_no_gap(addresses: set[int], random: object) -> None:
    lines = [f"{address:016x} t f{address}" for address in addresses]
    random.shuffle(lines)  # type: ignore[attr-defined]
    symbols = Symbols("\n".join(lines).encode())
    found = sorted(
        (ranges[0] for ranges in symbols.find(f"f{a}" for a in addresses).values()),
        key=lambda one: one.start,
    )
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]


def test_a_whole_kernel_takes_a_fraction_of_a_second() -> None:
    text = b"".join(b"%016x t function_%d.isra.0\n" % (1 << 62 | i << 6, i) for i in range(200_000))
    before = time.process_time()
    Symbols(text).find(f"function_{i}" for i in range(0, 200_000, 1000))
    # 0.15 s on an idle machine of 2020; a guest under emulation takes twenty times as long.
    assert time.process_time() - before < 1.5
