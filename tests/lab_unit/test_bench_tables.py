# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of the bench that are of programs, of scale, and of what tools say."""

from __future__ import annotations

from typing import Any

from lab.bench import accuracy, events, scale
from tests.lab_unit.benched import one

EXECS = "raw_tracepoint sched_process_exec"


def test_a_program_costs_what_it_takes_above_an_empty_one() -> None:
    empty = {EXECS: [10, 400], "kprobe down_write": [100, 5_000], "fentry slow": [0, 0]}
    ours = {EXECS: [20, 1_000], "kprobe down_write": [400, 60_000], "fentry slow": [5, 7_000],
            "fexit slow": [0, 0]}  # fmt: skip
    measured = [
        one("full-empty-events", 1, 1, events=empty),
        one("full-events", 1, 1, events=ours),
    ]
    found = {event.program: event for event in events.events(measured, "full")}
    assert found[EXECS] == events.Event(EXECS, 1.0, 10.0)
    assert found["kprobe down_write"] == events.Event("kprobe down_write", 20.0, 100.0)
    # Nobody knows what the timing of it took.
    assert found["fentry slow"] == events.Event("fentry slow", 0.25, None)
    assert "fexit slow" not in found
    lines = list(events.table(list(found.values())))
    assert lines[2] == "| kprobe down_write | 20.000 | 100 | 2,000 |"
    assert lines[-1] == "| fentry slow | 0.250 | - | - |"


def test_programs_of_a_wait_are_told_for_each_wait() -> None:
    slow = "fentry rwsem_down_write_slowpath"
    begin = "raw_tracepoint contention_begin"
    work = {"contended": 1}

    def session(spent: int) -> dict[str, list[int]]:
        other = {EXECS: [1, spent], "kprobe down_write": [9, spent]}
        return other | {slow: [20, 20 * spent], begin: [5, 5 * spent]}

    measured = [
        {**one("full-empty-events", 1, 1, events=session(30)), "bare": work},
        {**one("full-events", 1, 1, events=session(1_030)), "bare": work},
        # Another boot, of another work.
        one("full-empty-events", 1, 1, events={EXECS: [1, 1]}),
        one("full-events", 1, 1, events={EXECS: [1, 2]}),
    ]
    found = {event.program: event for event in events.waits(measured, "full")}
    assert found == {
        slow: events.Event(slow, 1.0, 1_000.0),
        begin: events.Event(begin, 0.25, 1_000.0),
    }
    assert [event.program for event in events.events(measured, "full")] == [EXECS]
    assert "runs per wait" in next(events.table(list(found.values()), "wait"))
    assert events.waits(measured, "contention") == []


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


def test_a_full_map_stands_beside_one_with_room() -> None:
    def session(instructions: int) -> dict[str, list[int]]:
        return {EXECS: [10, 10 * instructions], "kprobe down_write": [40, 80 * instructions]}

    measured = [
        one(f"{mode}{how}-events", 1, 1, events=session(instructions))
        for mode in events.MODES
        for how, instructions in (("-empty", 100), ("", 150), (events.CROWDED, 140))
    ]
    _, _, *lines = events.crowded(measured)
    assert lines == [
        "| full | kprobe down_write | 100 | 80 |",
        f"| full | {EXECS} | 50 | 40 |",
        "| contention | kprobe down_write | 100 | 80 |",
        f"| contention | {EXECS} | 50 | 40 |",
    ]


def test_scale_has_what_is_added_at_each_size() -> None:
    def pair(name: str, added: int) -> dict[str, Any]:
        bare = {"few": 3_000_000, "vmas": 6_000_000, "files": 3_000_000}
        return {
            "contender": name, "bare": bare, "told": {},
            "under": {state: ns + 3000 * added for state, ns in bare.items()},
        }  # fmt: skip

    found = [pair("contention", 1_000), pair("full", 3_000)] * 2
    _, _, bare, *lines = scale.table(found)
    assert bare == "| with nothing | 1,000 | 2,000 | 1,000 |"
    same = "3,000 (3,000 to 3,000)"
    assert lines[1] == f"| added by full mode | {same} | {same} | {same} |"
    failed = {"contender": "full", "bare": found[0]["bare"], "failed": "no room"}
    assert list(scale.table([failed]))[-1] == "| full | no room | | |"


def test_a_tool_that_counts_a_class_says_nothing_of_one_lock() -> None:
    lockup = said("test_lockup", "lock_stat", None, 24, 4.0, 2.0, waits=20, wait_ns=4_000_000_000)
    (*_, line) = accuracy.table([{**lockup, "acquisitions": 24}])
    assert line == "| test_lockup | LOCK_STAT | - | 24 of 20 | 1.000 | 1.000 |"
