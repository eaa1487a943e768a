# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands above the rows: what it comes to in a second, and what was lost."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from immapscope.arithmetic import INTERVAL_MAXIMUM_NOTE
from immapscope.outputs.printable import one_line
from immapscope.outputs.units import duration, percent, rate
from immapscope.snapshot import Snapshot


def headline(snapshot: Snapshot) -> Iterator[Text]:
    """Two lines: the waiting, and what else the machine did."""
    yield Text(f"{_waiting(snapshot)} | {_how(snapshot)}", "bold")
    yield Text(_machine(snapshot))


def warnings(snapshot: Snapshot) -> Iterator[Text]:
    """Everything that was lost, in one line, then each note."""
    lost = [
        f"{'at most ' if loss.upper_bound else ''}{loss.count:,} {loss.unit} ({reason})"
        for reason, loss in sorted(snapshot.loss.items())
        if loss.count
    ]
    if lost:
        yield Text(one_line(f"lost: {', '.join(lost)}"), "yellow")
    for note in snapshot.notes:
        if note != INTERVAL_MAXIMUM_NOTE:
            yield Text(one_line(note), "yellow")


def _waiting(snapshot: Snapshot) -> str:
    totals = snapshot.totals
    text = f"{rate(totals.wait_ns / snapshot.duration_ns)} tasks waiting"
    text += f", {rate(_per_second(totals.contended, snapshot))} waits/s"
    if totals.contended:
        text += f" of {duration(totals.wait_ns / totals.contended)}"
    spins = [row.spin_ns for row in snapshot.rows if row.spin_ns is not None]
    if spins and totals.wait_ns:
        text += f", {percent(sum(spins), totals.wait_ns)} % spinning"
    return text


def _how(snapshot: Snapshot) -> str:
    kernel = snapshot.kernel
    return one_line(f"{snapshot.mode} mode, Linux {kernel.release}")


def _machine(snapshot: Snapshot) -> str:
    totals = snapshot.totals
    text = f"{rate(_per_second(totals.execs, snapshot))} execs/s"
    text += f", {rate(_per_second(totals.forks, snapshot))} forks/s"
    if totals.acquisitions is not None:
        text += f", {rate(_per_second(totals.acquisitions, snapshot))} acquisitions/s"
    if totals.execs:
        text += f"; per exec {rate(totals.contended / totals.execs)} waits"
        text += f", {duration(totals.wait_ns / totals.execs)} waited"
    return text


def _per_second(count: int, snapshot: Snapshot) -> float:
    return count / snapshot.duration_ns * 1e9
