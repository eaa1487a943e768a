# SPDX-License-Identifier: GPL-2.0-or-later
"""The table is safe, truthful, and fits."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from immapscope.grouping import ALL_KEYS, Key
from immapscope.kernel.layouts import Layout
from immapscope.kernel.words import Cause, Operation
from immapscope.outputs.render import Format, render
from immapscope.snapshot import Loss, LossUnit, Mode, PerUnit, Snapshot, Sweep
from tests.outputs.strategies import key_lists, name_bytes, snapshots
from tests.synthetic import (
    KERNEL,
    LIBC,
    LOADER,
    contended_row,
    exec_storm,
    free_row,
    machine,
    snapshot_of,
)

HOSTILE = [
    b"new\nline",
    b"\x1b[2J\x1b]0;owned\x07",
    b"'quotes\"",
    b"n" * 255,
    b"\xff\xfe" * 127,
    "\u202etxt.exe".encode(),
    b"[red]markup[/red]",
    b":smile:",
    "語".encode() * 85,
    b"tab\tcr\r",
]


def table(
    snapshot: Snapshot,
    *,
    keys: tuple[Key, ...] | None = None,
    top: int | None = None,
    width: int | None = None,
) -> str:
    return render(snapshot, format=Format.TABLE, keys=keys, top=top, width=width)


def table_lines(text: str) -> list[str]:
    """Header lines and rows."""
    return text.split("\n\n")[1].split("\nwait % is")[0].split("\n")


def named(*names: bytes) -> Snapshot:
    return snapshot_of(
        contended_row(
            replace(LIBC, number=number, name=os.fsdecode(name)),
            number % 4,
            Operation.INSERT_AFTER,
            Cause.MPROTECT,
            [123_456_789 * number],
            spin_ns=9_999,
        )
        for number, name in enumerate(names, 1)
    )


@given(snapshots, key_lists, st.none() | st.integers(80, 200))
def test_no_control_byte_is_ever_printed(
    snapshot: Snapshot, keys: tuple[Key, ...], width: int | None
) -> None:
    text = table(snapshot, keys=keys, width=width)
    assert all(line.isprintable() for line in text.split("\n"))


@given(snapshots, key_lists, st.integers(80, 200))
def test_every_line_fits(snapshot: Snapshot, keys: tuple[Key, ...], width: int) -> None:
    text = table(snapshot, keys=keys, width=width)
    assert max(cell_len(line) for line in text.split("\n")) <= width


@given(snapshots, key_lists, st.none() | st.integers(80, 200))
def test_a_row_is_a_line(snapshot: Snapshot, keys: tuple[Key, ...], width: int | None) -> None:
    text = table(snapshot, keys=keys, width=width)
    found = render(snapshot, format=Format.CSV, keys=keys, header=False).count("\n")
    if found:
        assert len(table_lines(text)) == 3 + found
    else:
        assert "wait % is" not in text


# For each of the ten, so that all of them together see as many others as any test does.
@pytest.mark.parametrize("name", HOSTILE)
@settings(max_examples=25)
@given(name_bytes)
def test_hostile_names_leave_the_columns_where_they_were(name: bytes, other: bytes) -> None:
    lines = table_lines(table(named(name, other, b"libc.so.6"), width=100))
    assert len({cell_len(line) for line in lines[1:]}) == 1


def test_a_name_is_whole_where_there_is_no_width() -> None:
    text = table(named(*HOSTILE))
    assert "n" * 255 in text
    assert r"\xff\xfe" * 127 in text
    assert "[red]markup[/red]" in text
    assert r"\x1b[2J\x1b]0;owned\x07" in text
    assert r"new\x0aline" in text
    assert r"\xe2\x80\xaetxt.exe" in text
    assert "'quotes\"" in text


def test_a_long_name_loses_its_middle_where_there_is() -> None:
    text = table(named(b"lib" + b"n" * 240 + b".so.6"), width=80)
    assert re.search(r"^libn{6,}…n{3,}\.so\.6 ", text, re.MULTILINE)


def test_plain_text_has_no_escape_and_colour_has() -> None:
    assert "\x1b" not in table(exec_storm(), width=100)
    assert "\x1b[1m" in render(exec_storm(), format=Format.TABLE, width=100, color=True)


def test_colour_changes_nothing_that_can_be_read() -> None:
    colored = render(exec_storm(), format=Format.TABLE, width=100, color=True)
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    plain = table(exec_storm(), width=100)
    assert [line.rstrip() for line in stripped.split("\n")] == plain.split("\n")


@pytest.mark.parametrize(
    "setting", ["NO_COLOR=1", "FORCE_COLOR=1", "COLUMNS=40", "TERM=dumb", "TTY_INTERACTIVE=1"]
)
def test_the_environment_does_not_reach_in(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    plain = table(exec_storm(), width=100)
    colored = render(exec_storm(), format=Format.TABLE, width=100, color=True)
    variable, value = setting.split("=")
    monkeypatch.setenv(variable, value)
    assert table(exec_storm(), width=100) == plain
    assert render(exec_storm(), format=Format.TABLE, width=100, color=True) == colored


def test_a_wide_terminal_shows_every_column() -> None:
    header = " ".join(table_lines(table(exec_storm(), width=160))[:2])
    assert "left out" not in table(exec_storm(), width=160)
    for word in ("file", "node", "operation", "sitions", "% con-", "total", "avg", "max", "spin"):
        assert word in header


def test_a_narrow_terminal_is_told_what_it_does_not_see() -> None:
    assert "left out at this width: contended %, wait avg, hold avg" in table(
        machine(files=3), width=80
    )


def test_every_key_column_survives_80_columns() -> None:
    lines = table_lines(table(machine(files=20), keys=ALL_KEYS, top=30, width=80))
    header = lines[1]
    for word in ("file", "shard", "node", "holder", "operation", "cause", "total"):
        assert word in header
    assert "ld-linux-x86-64.so.2" in "\n".join(lines)


def test_contention_mode_shows_no_column_that_it_did_not_measure() -> None:
    text = table(snapshot_of(exec_storm().rows, mode=Mode.CONTENTION))
    assert "sitions" not in text
    assert "hold" not in text
    assert "acquisitions entered" not in text


def test_who_waits_nowhere_is_told_so() -> None:
    full, contention = snapshot_of([]), snapshot_of([], mode=Mode.CONTENTION)
    assert "no i_mmap lock was waited on in 10.0 s; none was taken either\n" in table(full)
    assert "no i_mmap lock was waited on in 10.0 s; full mode also counts" in table(contention)
    free = snapshot_of([free_row(LIBC, 0, Operation.INSERT, 40, 9)])
    assert "no i_mmap lock was waited on in 10.0 s; 40 acquisitions, each at once" in table(free)


def test_every_loss_is_explained_and_none_is_silent() -> None:
    text = table(
        snapshot_of(
            [],
            loss={
                "exit_missed": Loss(LossUnit.WAITS, 3),
                "state_full": Loss(LossUnit.ACQUISITIONS, 1),
                "recursion": Loss(LossUnit.ACQUISITIONS, 7, upper_bound=True),
                "of a newer tracer": Loss(LossUnit.STACKS, 1_000),
                "wait_state_full": Loss(LossUnit.WAITS, 0),
            },
        )
    )
    assert "lost: 3 waits (exit_missed): the end of a slow path was not seen" in text
    assert "lost: 1 acquisition (state_full): the table of locks being held was full" in text
    assert "lost: at most 7 acquisitions (recursion): the kernel skipped" in text
    assert "lost: 1,000 stacks (of a newer tracer)\n" in text
    assert "wait_state_full" not in text


def test_a_sum_that_does_not_reconcile_is_shouted() -> None:
    storm = exec_storm()
    broken = replace(storm, entered=replace(storm.entered, waits=99))
    assert "DOES NOT RECONCILE: 99 waits entered = 8 contended" in table(broken)
    assert "(87 apart)" in table(broken)
    lost_row = replace(storm, rows=storm.rows[:-1])
    assert "DOES NOT RECONCILE: 13,371 acquisitions in total = 13,354 in rows" in table(lost_row)


def test_what_the_kernel_skipped_is_named_where_sides_differ() -> None:
    skipped = {"recursion": Loss(LossUnit.WAITS, 2, upper_bound=True)}
    apart = replace(snapshot_of([], loss=skipped), entered=PerUnit(0, 1))
    assert "reconciles: 1 waits entered" in table(apart)
    assert "(1 apart, within the 2 that the kernel skipped)" in table(apart)


def test_the_rest_and_the_other_files_are_two_things() -> None:
    overflow = free_row(None, 0, Operation.INSERT, 5, 5)
    storm = snapshot_of([*named(b"a", b"b", b"c").rows, overflow])
    assert "(other files)" in table(storm)
    cut = table(storm, top=2)
    assert "(2 more rows)" in cut
    assert "(other files)" not in cut
    assert "(3 more rows)" in table(storm, keys=(Key.NODE,), top=1)


def test_a_deleted_file_says_so() -> None:
    gone = replace(LIBC, deleted=True)
    assert "libc.so.6 (deleted)" in table(snapshot_of([free_row(gone, 0, Operation.WALK, 1, 1)]))


def test_a_lock_over_every_shard_says_all() -> None:
    split = replace(KERNEL, layout="split", shards=12, shard_policy="node")
    row = replace(free_row(LIBC, 0, Operation.WALK, 1, 1), shard=None)
    text = table(snapshot_of([row], kernel=split), keys=(Key.INODE, Key.SHARD))
    assert "libc.so.6    all" in text
    assert "layout split: 12 trees a file, a rwsem each, sharded by node" in text


@pytest.mark.parametrize("layout", [one for one in Layout if one is not Layout.UNKNOWN])
def test_every_layout_is_told_in_words(layout: Layout) -> None:
    kernel = replace(KERNEL, layout=layout.value, shards=8)
    (line,) = [one for one in table(snapshot_of([], kernel=kernel)).splitlines() if "layout" in one]
    assert line.startswith(f"layout {layout.value}: ")
    assert "rwsem" in line


def test_sweeps_and_notes_are_told() -> None:
    storm = replace(exec_storm(), sweeps=(Sweep(LIBC, 3, 200_000_000),), notes=("odd\x1bnote",))
    assert "sweeps: 3 over every shard of a file, 200 ms waited in them" in table(storm)
    assert r"note: odd\x1bnote" in table(storm)


def test_the_breakdown_of_the_mailing_list_is_one_call() -> None:
    rows = [
        contended_row(LIBC, 0, Operation.REMOVE, Cause.MMAP, [248]),
        contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, [247]),
        contended_row(LOADER, 0, Operation.ADJUST, Cause.MPROTECT, [505]),
    ]
    text = table(snapshot_of(rows), keys=(Key.INODE, Key.CAUSE, Key.OPERATION))
    cells = [line.split() for line in table_lines(text)[3:]]
    assert [(*row[:3], row[7]) for row in cells] == [
        ("ld-linux-x86-64.so.2", "mprotect", "adjust", "50.5"),
        ("libc.so.6", "mmap", "remove", "24.8"),
        ("libc.so.6", "mmap", "insert", "24.7"),
    ]


def test_the_rows_of_384_cpus_are_drawn_in_seconds() -> None:
    big = machine()
    started = time.monotonic()
    table(big, keys=ALL_KEYS, top=100, width=120)
    assert time.monotonic() - started < 10
