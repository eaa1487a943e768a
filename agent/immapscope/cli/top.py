# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope top`: the rows of `trace`, live in the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

import click

from immapscope.cli import options
from immapscope.cli.progress import Progress
from immapscope.durations import parse_duration
from immapscope.errors import ExitStatus, UsageError
from immapscope.grouping import Key, SortKey
from immapscope.outputs.prose import Tone, after
from immapscope.outputs.units import duration
from immapscope.preflight import traceable_kernel
from immapscope.snapshot import Mode, Snapshot
from immapscope.streams import write_out
from immapscope.who import Who

#: Seconds; what is shorter nobody can read.
_SHORTEST_INTERVAL: Final = 0.1

_EXAMPLES = """\b
Examples:
  immapscope top
  immapscope top --inode libc.so --by inode,cause,operation
"""


def _interval(value: str) -> float:
    seconds = parse_duration(value)
    if seconds < _SHORTEST_INTERVAL:
        raise UsageError(f"{value!r} is too short to read; at least 100ms")
    return seconds


@click.command(epilog=_EXAMPLES)
@options.inode
@click.option(
    "--interval",
    metavar="TIME",
    default="2s",
    show_default=True,
    callback=options.parsed(_interval),
    help="How often the screen changes: 500ms, 2s, 1m.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.CONTENTION.value,
    show_default=True,
    metavar="MODE",
    help="contention: waits only, cheap; full: every acquisition and hold, too.",
)
@options.by
@options.sort
@options.attach
@options.max_files
@options.max_states
def top(
    whos: tuple[Who, ...],
    interval: float,
    mode: str,
    keys: tuple[Key, ...] | None,
    sort: SortKey,
    attach: str,
    max_files: int,
    max_states: int,
) -> int:
    """Show who waits on which i_mmap lock, live, until q is pressed; ? lists the keys.

    Each screen is what came since the last one, per second. What the whole session comes to is
    printed at the end.
    """
    _check_terminal()
    kernel = traceable_kernel(kprobes=attach != "fentry")
    # Imported late: bad usage and a machine that cannot be traced are told at once.
    from immapscope.live.loop import watch
    from immapscope.live.terminal import Terminal
    from immapscope.live.view import first_view
    from immapscope.tracing.machine import Machine
    from immapscope.tracing.request import Attach, Request
    from immapscope.tracing.session import Session
    from immapscope.tracing.sizes import Sizes
    from immapscope.tracing.target import Target

    machine = Machine.from_sysfs()
    sizes = Sizes(machine.cpus, machine.nodes, files=max_files, waiting=max_states, held=max_states)
    request = Request(Mode(mode), Attach(attach))
    with Progress(sys.stderr) as progress:
        progress.say("compiling and attaching")
        session = Session(kernel.model, kernel.symbols, machine, request, sizes)
    with session:
        target = Target(session, whos)
        color = "NO_COLOR" not in os.environ
        view = first_view(request.mode, keys, sort)
        with Terminal(
            sys.stdin.fileno(), sys.stdout.fileno(), color=color, encoding=sys.stdout.encoding
        ) as terminal:
            by_key = watch(target, terminal, view, interval)
        write_out("".join(f"{line}\n" for line in _summary(target.close())))
    return ExitStatus.FINE if by_key else ExitStatus.INTERRUPTED


def _check_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal; for a file or a pipe: immapscope trace --interval")
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise UsageError("top cannot draw on this terminal (TERM): use immapscope trace --interval")


def _summary(snapshot: Snapshot) -> Iterator[str]:
    """What it came to, and whatever did not add up: none of it may go with the screen."""
    yield f"{duration(snapshot.duration_ns)} in {snapshot.mode} mode"
    for line in after(snapshot):
        if line.tone in (Tone.TITLE, Tone.WARNING, Tone.BAD):
            yield line.text
