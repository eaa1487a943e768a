# SPDX-License-Identifier: GPL-2.0-or-later
"""One screen shows what is asked for in the lines and cells that there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.arithmetic import difference
from immapscope.grouping import Key, SortKey
from immapscope.live.page import page
from immapscope.live.readings import Readings
from immapscope.live.view import HELP, View, first_view
from immapscope.snapshot import Inode, Loss, LossUnit, Mode, Snapshot
from tests.live.storm import Storm
from tests.synthetic import exec_storm, snapshot_of

VIEW = first_view(Mode.CONTENTION, None, SortKey.WAIT)


def readings_of(storm: Storm) -> Readings:
    return Readings().then(storm.read()).then(storm.read())


@pytest.fixture(scope="module")
def storm() -> Readings:
    return readings_of(Storm())


@pytest.fixture(scope="module")
def full() -> Readings:
    return readings_of(Storm(Mode.FULL))


def only(snapshot: Snapshot) -> Readings:
    return Readings().then(snapshot)


def shown(readings: Readings, view: View = VIEW, width: int = 120, height: int = 40) -> str:
    return "\n".join(line.plain.rstrip() for line in page(readings, view, width, height))


def cells(lines: Sequence[str], keys: str) -> list[str]:
    """The first measures of the row of these keys."""
    (row,) = [line for line in lines if " ".join(line.split()).startswith(keys)]
    measures = row.partition(keys.split()[-1])[2]
    return re.findall(r"[\d.,]+(?: [mun]?s)?", measures)[:4]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
@pytest.mark.parametrize("since_start", [True, False])
def test_a_screen_is_full_of_rows(
    storm: Readings, width: int, height: int, since_start: bool
) -> None:
    text = shown(storm, replace(VIEW, since_start=since_start), width, height)
    lines = text.split("\n")
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines[1:])
    # Three lines above, two of headers, one that sums the rest, one of keys.
    assert len([line for line in lines if re.match(r"(lib|ld-|bash|execl|locale)", line)]) == (
        height - 7
    )
    assert re.match(r"\([\d,]+ more rows\)", lines[-2])
    assert lines[-1].startswith("q quit")


def test_every_column_of_the_table_is_there_where_it_fits(full: Readings) -> None:
    header = shown(full, first_view(Mode.FULL, None, SortKey.WAIT), 200).split("\n")[3:5]
    assert header[1].split() == [
        "file", "node", "operation", "sitions/s", "tended/s", "tended", "per", "s", "%", "avg",
        "max", "%", "avg",
    ]  # fmt: skip


def test_an_interval_is_told_per_second() -> None:
    storm = exec_storm()
    twice = replace(storm, duration_ns=2 * storm.duration_ns)
    lines = shown(only(twice)).split("\n")
    assert lines[0].startswith("<0.001 tasks waiting, 0.4 waits/s of 881 us, ")
    assert lines[1].startswith("61.7 execs/s, 65.0 forks/s")
    assert lines[4] == "last 20.0 s, per second | by inode,node,operation | sort wait"
    assert cells(lines, "libc.so.6 2 insert") == ["0.2", "0.2", "100.0", "66.5 us"]


def test_since_the_start_the_counts_themselves_are_shown() -> None:
    lines = shown(only(exec_storm()), replace(VIEW, since_start=True)).split("\n")
    assert lines[4] == "since the start, 10.0 s | by inode,node,operation | sort wait"
    assert cells(lines, "libc.so.6 2 insert") == ["4", "4", "100.0", "1.33 ms"]


def test_the_interval_is_what_came_since_the_reading_before() -> None:
    storm = Storm(nodes=2, files=4)
    first, second = storm.read(), storm.read()
    readings = Readings().then(first).then(second)
    assert readings.interval == difference(second, first)
    assert readings.since_start == second
    assert Readings().then(first).interval == first


@pytest.mark.parametrize(
    ("sort", "header"),
    [(SortKey.WAIT, "wait"), (SortKey.CONTENDED, "con-"), (SortKey.NAME, "file")],
)
def test_the_column_that_sorts_is_marked(storm: Readings, sort: SortKey, header: str) -> None:
    above, below = page(storm, replace(VIEW, sort=sort), 120, 40)[3:5]
    marked = [
        line.plain[span.start : span.end].strip()
        for line in (above, below)
        for span in line.spans
        if "underline" in str(span.style)
    ]
    assert header in marked


def test_rows_are_sorted(storm: Readings) -> None:
    by_name = shown(storm, replace(VIEW, sort=SortKey.NAME))
    names = re.findall(r"^(\S+) +\d+ ", by_name, re.MULTILINE)
    assert names == sorted(names)


def test_rows_are_grouped(storm: Readings) -> None:
    view = first_view(Mode.CONTENTION, (Key.NODE,), SortKey.NAME)
    rows = shown(storm, view).split("\n")[5:9]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3"]


def test_a_filter_leaves_out_all_other_files(storm: Readings) -> None:
    text = shown(storm, replace(VIEW, filter="libc.so"))
    assert set(re.findall(r"^(\S+) +\d+ ", text, re.MULTILINE)) == {"libc.so.6"}
    assert "filter libc.so | last" in text
    assert "more row" not in text


def test_a_filter_that_means_nothing_says_so(storm: Readings) -> None:
    assert "no file here is x\\x1b; / and Enter" in shown(storm, replace(VIEW, filter="x\x1b"))


def test_a_filter_that_is_typed_stands_at_the_bottom(storm: Readings) -> None:
    last = page(storm, replace(VIEW, typed="li\x1b"), 80, 24)[-1].plain
    assert last == r"filter: li\x1b_  Enter keeps it, Esc leaves it as it was"


def test_a_pause_is_told(storm: Readings) -> None:
    assert shown(storm, replace(VIEW, paused=True)).split("\n")[2].startswith("PAUSED | last")


def test_the_help_fits_a_small_screen(storm: Readings) -> None:
    text = shown(storm, replace(VIEW, help=True), 80, 24)
    assert all(does in text for _, does in HELP)
    assert "left out at this width: wait avg" in text
    assert "…" not in text
    assert "left out" not in shown(storm, replace(VIEW, help=True), 200)
    assert all(does in shown(Readings(), replace(VIEW, help=True)) for _, does in HELP)


def test_before_the_first_reading_it_says_so() -> None:
    lines = shown(Readings()).split("\n")
    assert lines[0] == "measuring; the first numbers come after one interval"
    assert len(lines) == 40


def test_where_nobody_waits_it_says_so() -> None:
    text = shown(only(snapshot_of([], mode=Mode.CONTENTION)))
    assert "no i_mmap lock was waited on in 10.0 s" in text
    assert "0 tasks waiting, 0 waits/s |" in text.replace("0.00", "0")


def test_what_was_lost_is_never_hidden() -> None:
    lossy = replace(
        exec_storm(),
        loss={
            "state_full": Loss(LossUnit.WAITS, 1234),
            "recursion": Loss(LossUnit.WAITS, 5, upper_bound=True),
            "rows_full": Loss(LossUnit.WAITS, 0),
        },
        notes=("--inode \x1b[2J: no lock of such a file was seen",),
    )
    lines = page(only(lossy), VIEW, 100, 24)
    assert lines[2].plain == "lost: at most 5 waits (recursion), 1,234 waits (state_full)"
    assert lines[3].plain == r"--inode \x1b[2J: no lock of such a file was seen"
    assert {str(line.style) for line in lines[2:4]} == {"yellow"}


def test_many_notes_leave_room_for_rows() -> None:
    noted = replace(exec_storm(), notes=tuple(f"note {number}" for number in range(50)))
    text = shown(only(noted), VIEW, 80, 24)
    assert "libc.so.6" in text


def test_the_note_on_every_interval_is_in_the_help_only(storm: Readings) -> None:
    assert "histogram" not in shown(storm)


def test_hostile_names_are_escaped() -> None:
    evil = Inode("254:0", 9, 1, "\x1b[2J\n\u202e\udcff")
    snapshot = exec_storm()
    rows = tuple(replace(row, inode=evil) for row in snapshot.rows)
    text = shown(only(replace(snapshot, rows=rows)), width=200)
    assert r"\x1b[2J\x0a\xe2\x80\xae\xff" in text
    assert "\x1b" not in text


@settings(max_examples=50)
@given(
    st.integers(1, 130),
    st.integers(1, 45),
    st.lists(st.sampled_from([*"sSgGt ?", "/", "l", "\x1b", "\udcff", "enter"]), max_size=8),
)
def test_no_screen_is_too_small(width: int, height: int, keys: list[str]) -> None:
    view = VIEW
    for key in keys:
        view = view.after(key)
    lines = page(SMALL, view, width, height)
    assert len(lines) == height
    assert all(line.cell_len <= width for line in lines)


SMALL = readings_of(Storm(nodes=2, files=4))
