# SPDX-License-Identifier: GPL-2.0-or-later
"""Text is cut so that it fits and its ends are left."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from immapscope.outputs.printable import printable
from immapscope.outputs.shortened import shortened
from tests.outputs.strategies import name_bytes


@given(name_bytes, st.integers(0, 40))
def test_a_shortened_name_fits(name: bytes, cells: int) -> None:
    text = printable(os.fsdecode(name))
    short = shortened(text, cells)
    assert cell_len(short) <= cells
    assert short == text or "…" in short or cells == 0


def test_the_middle_is_what_goes() -> None:
    assert shortened("ld-linux-x86-64.so.2", 13) == "ld-lin…4.so.2"
    assert shortened("日本語日本語", 7) == "日…本語"
