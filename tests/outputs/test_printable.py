# SPDX-License-Identifier: GPL-2.0-or-later
"""No name reaches a terminal as anything but what can be seen."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given

from immapscope.outputs.printable import printable
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
