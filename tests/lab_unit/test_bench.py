# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a measurement become ratios of pairs, and a cost that grew is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import accuracy as in_guest
import measure
import pytest

from lab.bench import __main__ as bench
from lab.bench import accuracy, events, results, tables

COUNTS = {"exec": 100}


def one(contender: str, bare: float, under: float, **told: Any) -> dict[str, Any]:
    return {
        "contender": contender,
        "round": 0,
        "bare": {"exec": bare},
        "under": {"exec": under},
        "told": told,
    }


MEASURED = [
    one("full-empty", 1000, 1100),
    one("full", 1000, 1150, kernel_bytes=5e6),
    one("full-empty", 1000, 1102),
    one("full", 2000, 2320, kernel_bytes=5e6),
    {"contender": "perf", "round": 0, "bare": {"exec": 1}, "failed": "no such\nprogram"},
]


def test_a_ratio_is_of_its_own_pair() -> None:
    _, full, _ = results.contenders(MEASURED, COUNTS)
    assert full.ratios["exec"].low == pytest.approx(1.15)
    assert full.ratios["exec"].high == pytest.approx(1.16)
    assert full.ratios["exec"].median == pytest.approx(1.155)
    # (150 + 320) / 2 for 100 execs.
    assert full.added["exec"] == pytest.approx(2.35)
    assert full.told == {"kernel_bytes": 5e6}


def test_what_empty_programs_add_is_the_measure() -> None:
    found = results.contenders(MEASURED, COUNTS)
    assert results.above_empty(found, "exec") == {"full": pytest.approx(2.35 / 1.01)}


def test_who_failed_has_no_figure_and_says_why() -> None:
    (*_, perf) = results.contenders(MEASURED, COUNTS)
    assert (perf.ratios, perf.failed) == ({}, "no such\nprogram")
    (*_, line) = tables.table([perf], ("exec",), "ns")
    assert "program" in line


def test_many_pairs_give_an_interval_that_holds_their_median() -> None:
    found = results.ratio([(100.0, 100.0 + n) for n in range(1, 12)])
    assert found.pairs == 11
    assert found.median == pytest.approx(1.06)
    assert 1.01 <= found.low < found.median < found.high <= 1.11


def test_every_line_of_the_table_has_a_cell_for_each_column() -> None:
    lines = list(tables.table(results.contenders(MEASURED, COUNTS), ("exec",), "ns"))
    assert len({line.count("|") for line in lines}) == 1


def test_fixedwork_is_read_among_other_lines() -> None:
    assert measure.elapsed("Tracing...\nexec 123\n\nmmap 7\nwaits 3 4\n") == {
        "exec": 123,
        "mmap": 7,
    }


def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, full: float, free: float) -> int:
    """Its status where empty programs add a tenth, full mode so many times that, and `free`."""
    committed = tmp_path / "committed.json"
    committed.write_text(json.dumps({"full": 1.5}))
    under = {"full-empty": 1100, "full": 1000 + 100 * full, "contention-without-trees": free}

    def measured(
        kernel: str, names: Sequence[str], works: Sequence[str], rounds: int, *, counted: bool
    ) -> list[Any]:
        assert counted
        assert under.keys() <= set(names)
        return [one(name, 1000, instructions) for name, instructions in under.items()]

    monkeypatch.setattr(bench, "COMMITTED", committed)
    monkeypatch.setattr(bench, "measure", measured)
    return bench.main(["--quick"])


@pytest.mark.parametrize(("grown", "status"), [(1.09, 0), (1.11, 1)])
def test_a_session_that_costs_a_tenth_more_is_told(
    grown: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert quick(monkeypatch, tmp_path, 1.5 * grown, 1001) == status
    printed = capsys.readouterr()
    assert ("grown: full" in printed.err) == bool(status)
    assert f"{2 - status} passed, {status} failed" in printed.out


def test_what_should_be_free_is_held_to_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick(monkeypatch, tmp_path, 1.5, 1006) == 1
    assert "grown: contention-without-trees: 1.006, not 1.005" in capsys.readouterr().err


def test_over_next_to_nothing_there_is_no_ratio() -> None:
    measured = [one("contention-empty", 1000, 1001), one("contention", 1000, 1002)]
    assert results.above_empty(results.contenders(measured, COUNTS), "exec") == {}


def test_a_program_costs_what_it_takes_above_an_empty_one() -> None:
    execs = "raw_tracepoint sched_process_exec"
    empty = {execs: [10, 400], "kprobe down_write": [100, 5_000], "fentry slow": [0, 0]}
    ours = {execs: [20, 1_000], "kprobe down_write": [400, 60_000], "fentry slow": [5, 7_000],
            "fexit slow": [0, 0]}  # fmt: skip
    measured = [
        one("full-empty-events", 1, 1, events=empty),
        one("full-events", 1, 1, events=ours),
    ]
    found = {event.program: event for event in events.events(measured, "full")}
    assert found[execs] == events.Event(execs, 1.0, 10.0)
    assert found["kprobe down_write"] == events.Event("kprobe down_write", 20.0, 100.0)
    # Nobody knows what the timing of it took.
    assert found["fentry slow"] == events.Event("fentry slow", 0.25, None)
    assert "fexit slow" not in found
    lines = list(events.table(list(found.values())))
    assert lines[2] == "| kprobe down_write | 20.000 | 100 | 2,000 |"
    assert lines[-1] == "| fentry slow | 0.250 | - | - |"


def said(workload: str, tool: str, *known: Any, **beside: int) -> dict[str, Any]:
    """What a tool said: acquisitions, waits, seconds, longest; and what was counted beside it."""
    names = ("acquisitions", "waits", "wait_seconds", "longest_seconds")
    return {
        "workload": workload,
        "tool": tool,
        "said": dict(zip(names, known, strict=True)),
        "beside": beside,
        "longest_call_ns": 2_000_000_000,
    }


def test_what_a_tool_says_stands_over_what_is_known() -> None:
    storm = said("storm", "full", 16_144, 37, 1.5, 0.5, waits=40, wait_ns=1_600_000_000)
    lines = list(accuracy.table([{**storm, "acquisitions": 16_144}]))
    assert lines[-1] == (
        "| storm | ours, full mode | 16,144 of 16,144 | 37 of 40 | 0.938 | 0.250 |"
    )


def test_what_a_tool_does_not_say_is_no_zero() -> None:
    none = said("storm", "klockstat", 5, None, None, None, waits=40)
    failed = {"workload": "storm", "tool": "perf-record", "failed": "first\nno such event"}
    lines = list(accuracy.table([none, failed]))
    assert lines[-2] == "| storm | klockstat | 5 | - | - | - |"
    assert lines[-1].startswith("| storm | perf lock record | no such event |")
    assert len({line.count("|") for line in lines}) == 1


def test_what_ended_while_spinning_is_told_where_nothing_else_ran() -> None:
    counted = {"waits": 40, "spun": 30, "wait_ns": 4_000_000_000, "spun_ns": 1_000_000_000}
    counted |= {"seen": 10, "seen_ns": 2_900_000_000}
    (line,) = accuracy.spun([said("storm", "nothing", None, None, None, None, **counted)])
    assert line == (
        "- storm: 30 of 40 waits ended while spinning, 1.000 of 4.000 s; from contention_begin to "
        "_end there were 10, of 2.900 s"
    )


def test_klockstat_and_perf_are_read_as_they_print() -> None:
    row = "                      vma_link+0x3c    1.5 us     5012    12.0 ms       1.2 s"
    match = in_guest._KLOCKSTAT.search(row)
    assert match is not None
    assert (match[3], match[4], match[5], match[6], match[7]) == ("5012", "12.0", "ms", "1.2", "s")
    row = "        12     34.10 ms      7.31 ms      2.84 ms   ffff8c1a41e0c1d8  "
    match = in_guest._PERF.search(row)
    assert match is not None
    assert (match[1], match[2], match[3], match[8]) == ("12", "34.10", "ms", "ffff8c1a41e0c1d8")
