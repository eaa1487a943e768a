# SPDX-License-Identifier: GPL-2.0-or-later
"""What a table is surrounded by: what was measured, what it comes to, what was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from immapscope.law import Equation, law
from immapscope.outputs.json import timestamp
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration, percent, plural, rate
from immapscope.snapshot import KernelFacts, LossUnit, Snapshot


class Tone(StrEnum):
    """How a line is meant; each value is the style a colour terminal gives it."""

    PLAIN = "none"
    TITLE = "bold"
    ASIDE = "dim"
    GOOD = "green"
    WARNING = "yellow"
    BAD = "bold red"


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


_TREES_AND_LOCKS: Final = {
    "single": "one tree and one rwsem a file",
    "tree-only": "{shards} trees and one rwsem a file",
    "split": "{shards} trees a file, a rwsem each",
    "inverted": "{shards} trees a file, a lock each under one inverted rwsem",
    "nested": "{shards} trees a file, a rwsem each under one over all, both for write",
}

#: By the beginning of a reason's name: some reasons have a name for each unit.
_MEANING_OF_LOSS: Final = {
    "recursion": "the kernel skipped a probe that was already running, or a map was in use, on "
    "that CPU",
    "exit_missed": "the end of a slow path was not seen, as when another tracer attached or "
    "detached meanwhile",
    "return_missed": "the return of a function was not seen: no kretprobe instance was free",
    "release_missed": "the release of the lock was not seen",
    "state_full": "the table of locks being held was full",
    "wait_state_full": "the table of tasks that wait was full",
    "rows_full": "the table of rows was full",
    "stack_unreadable": "the kernel gave no stack, so these waits have no cause",
    "stack_collided": "another stack had the same hash; only folded output lacks these",
    "stack_weights_full": "the table of stacks was full; the waits themselves are in the rows",
}

_NOUN_OF_UNIT: Final = {
    LossUnit.ACQUISITIONS: "acquisition",
    LossUnit.WAITS: "wait",
    LossUnit.TREE_OPERATIONS: "tree operation",
    LossUnit.STACKS: "stack",
}


def before(snapshot: Snapshot) -> Iterator[Line]:
    """What was measured: on which kernel, when, for how long, how."""
    kernel = snapshot.kernel
    machine = f"{plural(kernel.nodes, 'node')}, {plural(kernel.cpus, 'CPU')}"
    started = timestamp(snapshot.started.replace(microsecond=0))
    yield Line(f"i_mmap locks of Linux {printable(kernel.release)}, {machine}", Tone.TITLE)
    yield Line(
        f"{duration(snapshot.duration_ns)} from {started}, {snapshot.mode} mode, "
        f"{kernel.attach} probes",
        Tone.ASIDE,
    )
    yield Line(f"layout {kernel.layout}: {_layout(kernel)}", Tone.ASIDE)


def after(snapshot: Snapshot) -> Iterator[Line]:
    """What it comes to, whether it adds up, and every loss that is not zero."""
    yield _nobody_waited(snapshot) if not snapshot.totals.contended else _waited(snapshot)
    yield _machine(snapshot)
    yield from _sweeps(snapshot)
    for equation in law(snapshot):
        if equation.left_name.endswith("entered") or not equation.holds:
            yield _verdict(equation)
    yield from _losses(snapshot)
    if snapshot.boundary:
        yield Line(
            f"boundary: {snapshot.boundary:,} that were entered before the session ended in it, "
            "part of no sum",
            Tone.ASIDE,
        )
    for note in snapshot.notes:
        yield Line(f"note: {note if note.isprintable() else printable(note)}", Tone.ASIDE)


def _layout(kernel: KernelFacts) -> str:
    known = _TREES_AND_LOCKS.get(kernel.layout, "{shards} shards")
    policy = f", sharded by {kernel.shard_policy}" if kernel.shard_policy else ""
    learnt = ""
    if kernel.learnt_from is not None:
        learnt = f"; learnt by watching {plural(kernel.learnt_from, 'tree operation')}"
    return known.format(shards=kernel.shards) + policy + learnt


def _nobody_waited(snapshot: Snapshot) -> Line:
    acquisitions = snapshot.totals.acquisitions
    if acquisitions is None:
        rest = "full mode also counts the acquisitions that nobody had to wait for"
    elif acquisitions == 0:
        rest = "none was taken either"
    else:
        rest = f"{plural(acquisitions, 'acquisition')}, each at once"
    span = duration(snapshot.duration_ns)
    return Line(f"no i_mmap lock was waited on in {span}; {rest}", Tone.TITLE)


def _waited(snapshot: Snapshot) -> Line:
    totals = snapshot.totals
    parts = [f"{duration(totals.wait_ns)} in {plural(totals.contended, 'wait')}"]
    if totals.acquisitions is not None:
        share = percent(totals.contended, totals.acquisitions)
        parts[0] += f", {share} % of {plural(totals.acquisitions, 'acquisition')}"
    if snapshot.duration_ns:
        parts.append(f"{rate(totals.wait_ns / snapshot.duration_ns)} tasks waiting on average")
    spins = [row.spin_ns for row in snapshot.rows if row.spin_ns is not None]
    if spins:
        parts.append(f"{percent(sum(spins), totals.wait_ns)} % of it spinning")
    if totals.interrupted:
        parts.append(f"{totals.interrupted:,} more interrupted")
    return Line(f"waited: {'; '.join(parts)}", Tone.TITLE)


def _machine(snapshot: Snapshot) -> Line:
    totals = snapshot.totals
    text = f"machine: {_per_second(totals.execs, 'exec', snapshot.duration_ns)}, "
    text += _per_second(totals.forks, "fork", snapshot.duration_ns)
    if totals.execs:
        text += "; per exec "
        if totals.acquisitions is not None:
            text += f"{rate(totals.acquisitions / totals.execs)} acquisitions, "
        text += f"{rate(totals.contended / totals.execs)} waits, "
        text += f"{duration(totals.wait_ns / totals.execs)} waited"
    return Line(text)


def _per_second(count: int, noun: str, span_ns: int) -> str:
    return plural(count, noun) + (f" ({rate(count / span_ns * 1e9)}/s)" if span_ns else "")


def _sweeps(snapshot: Snapshot) -> Iterator[Line]:
    count = sum(sweep.count for sweep in snapshot.sweeps)
    if count:
        spent = duration(sum(sweep.wait_ns for sweep in snapshot.sweeps))
        yield Line(f"sweeps: {count:,} over every shard of a file, {spent} waited in them")


def _verdict(equation: Equation) -> Line:
    if equation.difference == 0:
        return Line(f"reconciles: {equation}", Tone.GOOD)
    apart = f"{abs(equation.difference):,} apart"
    if equation.holds:
        skipped = f"{apart}, within the {equation.skipped:,} that the kernel skipped"
        return Line(f"reconciles: {equation} ({skipped})", Tone.WARNING)
    return Line(f"DOES NOT RECONCILE: {equation} ({apart})", Tone.BAD)


def _losses(snapshot: Snapshot) -> Iterator[Line]:
    for reason, loss in sorted(snapshot.loss.items()):
        if not loss.count:
            continue
        at_most = "at most " if loss.upper_bound else ""
        amount = at_most + plural(loss.count, _NOUN_OF_UNIT[loss.unit])
        meaning = next(
            (words for name, words in _MEANING_OF_LOSS.items() if reason.startswith(name)), None
        )
        explained = f": {meaning}" if meaning else ""
        yield Line(f"lost: {amount} ({printable(reason)}){explained}", Tone.WARNING)
