# SPDX-License-Identifier: GPL-2.0-or-later
"""What each program takes when it runs, in instructions, above one that only returns.

The kernel times the programs of a session (kernel.bpf_stats_enabled) where the clock counts
instructions; those of an empty session tell what the timing itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MODES: Final = ("full", "contention")
#: A session whose maps have no room; see guest/observe.py.
CROWDED: Final = "-crowded"
SESSIONS: Final = tuple(f"{mode}{how}-events" for mode in MODES for how in ("-empty", "", CROWDED))
#: Execs of one task alone, then of some at once: of those some wait, though there is one CPU.
WORKS: Final = ("exec:300", "exec:50:16")
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
    """From measured.json of SESSIONS; programs that never ran are left out, and who failed."""
    told = {one["contender"]: one["told"]["events"] for one in measured if "told" in one}
    empty, ours = (told.get(f"{mode}{which}-events") for which in ("-empty", how))
    if empty is None or ours is None:
        return []
    execs = ours[_EXEC][0]
    return [
        Event(program, runs / execs, _above(spent / runs, *empty[program]))
        for program, (runs, spent) in ours.items()
        if runs
    ]


def _above(each: float, runs: int, spent: int) -> float | None:
    return each - spent / runs if runs else None


def table(found: Sequence[Event]) -> Iterator[str]:
    """Markdown, the most expensive for an exec first."""
    yield "| program | runs per exec | instructions of a run | instructions per exec |"
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
    for mode in MODES:
        full = {one.program: one for one in events(measured, mode, CROWDED)}
        for one in sorted(events(measured, mode), key=lambda one: -one.runs):
            without = full.get(one.program)
            if one.instructions is not None and without and without.instructions is not None:
                cells = (
                    mode,
                    one.program,
                    f"{one.instructions:.0f}",
                    f"{without.instructions:.0f}",
                )
                yield f"| {' | '.join(cells)} |"
