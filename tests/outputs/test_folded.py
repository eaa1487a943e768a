# SPDX-License-Identifier: GPL-2.0-or-later
"""Folded stacks that a flame graph tool draws to scale."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from immapscope.outputs.render import Format, render
from immapscope.snapshot import StackWeight
from tests.synthetic import exec_storm, snapshot_of


def folded(*stacks: tuple[tuple[str, ...], int], waited_ns: int = 0) -> list[str]:
    session = snapshot_of([])
    session = replace(
        session,
        stacks=tuple(StackWeight(frames, 1, ns) for frames, ns in stacks),
        totals=replace(session.totals, wait_ns=waited_ns),
    )
    return render(session, format=Format.FOLDED).splitlines()


def test_a_line_is_frames_outermost_first_and_microseconds() -> None:
    assert folded((("do_exit", "exit_mmap"), 1_500), (("a",), 2_000_000)) == [
        "a 2000",
        "do_exit;exit_mmap 2",
    ]


def test_what_rounds_to_no_microsecond_is_dropped() -> None:
    assert folded((("a",), 400)) == []


def test_stacks_that_read_alike_are_one_line() -> None:
    assert folded((("a b",), 700), (("a_b",), 700)) == ["a_b 1"]


@given(st.lists(st.text(), max_size=4))
def test_no_frame_can_break_a_line(frames: list[str]) -> None:
    safe = [frame.encode("utf-8", "replace").decode() for frame in frames]
    (line,) = folded((tuple(safe), 5_000))
    assert re.fullmatch(r"[^ ;]+(;[^ ;]+)* 5", line)
    assert line.isprintable()
    assert line.count(";") == max(len(frames) - 1, 0)


def test_waiting_without_a_stack_is_drawn_too() -> None:
    assert folded((("a",), 5_000), waited_ns=8_000) == ["[no_stack] 3", "a 5"]


def test_the_graph_is_as_wide_as_all_that_was_waited() -> None:
    storm = exec_storm()
    weights = [int(line.rsplit(" ")[-1]) for line in folded_lines()]
    assert abs(sum(weights) - storm.totals.wait_ns / 1000) <= len(weights) / 2


def folded_lines() -> list[str]:
    return render(exec_storm(), format=Format.FOLDED).splitlines()


def test_nothing_waited_is_nothing_written() -> None:
    assert folded() == []
