# SPDX-License-Identifier: GPL-2.0-or-later
"""A filter means what `--inode` means, or any part of a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.kernel.words import Operation
from immapscope.live.filters import filtered
from immapscope.snapshot import Inode, Row
from tests.synthetic import LIBC, LOADER, free_row

OTHER = Inode("254:0", 77, 1, "Weird\udcff\x1b[2J")
NAMELESS = Inode("8:1", 12, 1, None)
PATHED = Inode("8:1", 13, 1, "bash", path="/usr/bin/bash")


def row(inode: Inode | None) -> Row:
    return free_row(inode, 0, Operation.INSERT, 1, 1)


ROWS = [row(inode) for inode in (LIBC, LOADER, OTHER, NAMELESS, PATHED, None)]


@pytest.mark.parametrize(
    ("text", "inodes"),
    [
        ("libc.so", [LIBC]),
        ("ld.so", [LOADER]),
        ("*.so.*", [LIBC, LOADER]),
        ("254:0:1234", [LIBC]),
        ("ibc", [LIBC]),
        ("LIBC", [LIBC]),
        (".so", [LIBC, LOADER]),
        ("weird", [OTHER]),
        ("\udcff", [OTHER]),
        ("8:1:1", [NAMELESS, PATHED]),
        ("bin/ba", [PATHED]),
        ("/usr/bin", [PATHED]),
        ("no such", []),
        ("\0", []),
        ("x" * 300, []),
    ],
)
def test_a_filter_means_files(text: str, inodes: list[Inode]) -> None:
    assert [one.inode for one in filtered(ROWS, text)] == inodes


def test_none_means_all_even_those_of_no_known_file() -> None:
    assert filtered(ROWS, "") == tuple(ROWS)


def test_a_path_means_the_file_that_it_leads_to(tmp_path: Path) -> None:
    path = tmp_path / "libz.so"
    path.touch()
    found = path.stat()
    device = f"{found.st_dev >> 8 & 0xFFF}:{found.st_dev & 0xFF}"
    there = Inode(device, found.st_ino, 1, "another name")
    assert [one.inode for one in filtered([*ROWS, row(there)], str(path))] == [there]


@given(st.text())
def test_any_text_means_something_or_nothing(text: str) -> None:
    assert set(filtered(ROWS, text)) <= set(ROWS)
