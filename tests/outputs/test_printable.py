# SPDX-License-Identifier: GPL-2.0-or-later
"""No name reaches a terminal as anything but what can be seen."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from immapscope.outputs.printable import printable, shortened
from tests.outputs.strategies import name_bytes


@given(name_bytes)
def test_only_printable_characters_are_left_and_no_byte_is_lost(name: bytes) -> None:
    text = printable(os.fsdecode(name))
    assert text.isprintable()
    back = re.sub(rb"\\x(..)", lambda match: bytes.fromhex(match[1].decode()), text.encode())
    assert back == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"libc.so.6", "libc.so.6"),
        ("日本語.so".encode(), "日本語.so"),
        (b"[red]", "[red]"),
        (b"a b", "a b"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        (b"\x9b31m", r"\x9b31m"),
        ("\x9b31m".encode(), r"\xc2\x9b31m"),
        ("\u202egnp.exe".encode(), r"\xe2\x80\xaegnp.exe"),
        ("\u2028".encode(), r"\xe2\x80\xa8"),
        ("\u00a0".encode(), r"\xc2\xa0"),
        (b"\\x1b", r"\x5cx1b"),
        (b"\x7f", r"\x7f"),
    ],
)
def test_a_name_reads(name: bytes, text: str) -> None:
    assert printable(os.fsdecode(name)) == text


@given(name_bytes, st.integers(0, 40))
def test_a_shortened_name_fits(name: bytes, cells: int) -> None:
    text = printable(os.fsdecode(name))
    short = shortened(text, cells)
    assert cell_len(short) <= cells
    assert short == text or "…" in short or cells == 0


def test_the_middle_is_what_goes() -> None:
    assert shortened("ld-linux-x86-64.so.2", 13) == "ld-lin…4.so.2"
    assert shortened("日本語日本語", 7) == "日…本語"
