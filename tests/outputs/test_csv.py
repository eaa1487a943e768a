# SPDX-License-Identifier: GPL-2.0-or-later
"""CSV that csv readers read, with every name on one line."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given

from immapscope.grouping import Key
from immapscope.kernel.words import Operation
from immapscope.outputs.render import Format, render
from immapscope.snapshot import Mode
from tests.outputs.strategies import name_bytes
from tests.synthetic import LIBC, exec_storm, free_row, snapshot_of


def fields_of(name: bytes) -> dict[str, str]:
    inode = replace(LIBC, name=os.fsdecode(name))
    text = render(snapshot_of([free_row(inode, 0, Operation.INSERT, 1, 1)]), format=Format.CSV)
    assert text.count("\n") == 2
    (row,) = csv.DictReader(StringIO(text))
    return row


def unescaped(text: str) -> bytes:
    return re.sub(
        rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode()
    )


@given(name_bytes)
def test_the_bytes_of_any_name_come_back(name: bytes) -> None:
    assert unescaped(fields_of(name)["name"]) == name


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (b'say "hi", all', 'say "hi", all'),
        (b"a\nb\x1b[31m", r"a\x0ab\x1b[31m"),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"caf\xe9", r"caf\xe9"),
        (b"back\\slash", r"back\x5cslash"),
        (b"=cmd()", "=cmd()"),
    ],
)
def test_names_are_escaped_and_nothing_else(name: bytes, field: str) -> None:
    assert fields_of(name)["name"] == field


def test_what_was_not_measured_is_empty() -> None:
    snapshot = snapshot_of(exec_storm().rows, mode=Mode.CONTENTION)
    rows = list(csv.DictReader(StringIO(render(snapshot, format=Format.CSV))))
    assert {row["acquisitions"] + row["hold_seconds"] for row in rows} == {""}
    assert {row["wait_seconds"] for row in rows} > {"0.0", "0.0055"}


def test_keys_not_grouped_by_have_no_column() -> None:
    text = render(exec_storm(), format=Format.CSV, keys=[Key.OPERATION, Key.HOLDER])
    assert text.startswith(
        "started,duration_seconds,holder_kind,holder_node,operation,acquisitions,contended,"
    )


def test_the_next_interval_goes_on_without_a_header() -> None:
    first = render(exec_storm(), format=Format.CSV)
    assert render(exec_storm(), format=Format.CSV, header=False) == first.split("\n", 1)[1]


def test_the_rest_says_how_many_rows_it_is_of() -> None:
    text = render(exec_storm(), format=Format.CSV, top=1)
    one, rest = csv.DictReader(StringIO(text))
    assert (one["rest_of"], rest["rest_of"], rest["name"]) == ("", "6", "")
