# SPDX-License-Identifier: GPL-2.0-or-later
"""What each program takes when it runs, in instructions, above one that only returns.

The kernel times the programs of a session (kernel.bpf_stats_enabled) where the clock counts
instructions; those of an empty session tell what the timing itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

MODES: Final = ("full", "contention")
#: A session whose maps have no room; see guest/observe.py.
CROWDED: Final = "-crowded"
SESSIONS: Final = tuple(f"{mode}{how}-events" for mode in MODES for how in ("-empty", "", CROWDED))
#: Execs of one task alone, then of some at once.
WORKS: Final = ("exec:300", "exec:50:16")
#: Execs need not meet at a lock where there is one CPU. Who maps a file during such a walk waits.
WAITS: Final = ("contended:20:4000:3",)
#: What runs for a wait alone, be it for another rwsem, and in contention_begin for any lock.
_OF_WAITS: Final = ("slowpath", "contention_begin")
#: Runs, and ns that they took, by program.
Programs = Mapping[str, tuple[int, int]]
#: Who waits enters one of these, traced in one way or the other.
_ENTRIES: Final = ("fentry ", "kprobe ")
#: It runs once for each exec.
_EXEC: Final = "raw_tracepoint sched_process_exec"


@dataclass(frozen=True)
class Event:
    """One program: runs for each exec, and instructions of a run above those of an empty one.

    `instructions` is None where the empty one never ran.
    """

    program: str
    runs: float
    instructions: float | None


def events(measured: Sequence[Mapping[str, Any]], mode: str, how: str = "") -> list[Event]:
    """From measured.json of SESSIONS over WORKS, without programs that never ran and who failed.

    Those of `waits` are not in it: whether execs meet there is chance.
    """
    empty, ours = _told(measured, "exec", mode, how)
    if not empty or not ours:
        return []
    others = {program: told for program, told in ours.items() if not _is_of_waits(program)}
    return _found(empty, others, ours[_EXEC][0])


def waits(measured: Sequence[Mapping[str, Any]], mode: str, how: str = "") -> list[Event]:
    """The same over WAITS, of programs that run for a wait alone, and runs for each wait."""
    empty, ours = _told(measured, "contended", mode, how)
    if not empty or not ours:
        return []
    of_waits = {program: told for program, told in ours.items() if _is_of_waits(program)}
    entered = sum(runs for program, (runs, _) in of_waits.items() if program.startswith(_ENTRIES))
    return _found(empty, of_waits, entered) if entered else []


def _is_of_waits(program: str) -> bool:
    return any(part in program for part in _OF_WAITS)


def _told(measured: Sequence[Mapping[str, Any]], work: str, mode: str, how: str) -> list[Programs]:
    """Runs and ns by program, of the empty session and of ours; empty where one failed."""
    told = {
        one["contender"]: one["told"]["events"]
        for one in measured
        if "told" in one and work in one["bare"]
    }
    return [told.get(f"{mode}{which}-events", {}) for which in ("-empty", how)]


def _found(empty: Programs, ours: Programs, times: int) -> list[Event]:
    return [
        Event(program, runs / times, _above(spent / runs, *empty[program]))
        for program, (runs, spent) in ours.items()
        if runs
    ]


def _above(each: float, runs: int, spent: int) -> float | None:
    return each - spent / runs if runs else None


def table(found: Sequence[Event], unit: str = "exec") -> Iterator[str]:
    """Markdown, the most expensive for a unit first."""
    yield f"| program | runs per {unit} | instructions of a run | instructions per {unit} |"
    yield "| --- | ---: | ---: | ---: |"
    for one in sorted(found, key=lambda one: -one.runs * (one.instructions or 0)):
        each, whole = "-", "-"
        if one.instructions is not None:
            each, whole = f"{one.instructions:.0f}", f"{one.runs * one.instructions:,.0f}"
        yield f"| {one.program} | {one.runs:.3f} | {each} | {whole} |"


def crowded(measured: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: what a run takes where the maps have room, and where they are full."""
    yield "| mode | program | instructions of a run, with room | without |"
    yield "| --- | --- | ---: | ---: |"
    for mode, of in product(MODES, (events, waits)):
        full = {one.program: one.instructions for one in of(measured, mode, CROWDED)}
        for one in sorted(of(measured, mode), key=lambda one: -one.runs):
            without = full.get(one.program)
            if one.instructions is not None and without is not None:
                cells = (mode, one.program, f"{one.instructions:.0f}", f"{without:.0f}")
                yield f"| {' | '.join(cells)} |"
