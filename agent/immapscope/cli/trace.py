# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope trace`: one session, then what it saw."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Final

import click

from immapscope.cli import options
from immapscope.cli.output import output_to
from immapscope.cli.progress import Progress
from immapscope.cli.terminal import colored, terminal_width
from immapscope.command import look_for
from immapscope.errors import UsageError
from immapscope.grouping import Key, SortKey
from immapscope.outputs.render import Format, render
from immapscope.preflight import traceable_kernel
from immapscope.snapshot import Mode, Snapshot
from immapscope.who import Who

DEFAULT_SECONDS: Final = 10.0

_EXAMPLES = """\b
Examples:
  immapscope trace --inode libc.so --inode ld.so --duration 30s
  immapscope trace --by inode,cause,operation -- make -j64
  immapscope trace --format folded --output stacks.folded
"""


@click.command(
    epilog=_EXAMPLES,
    # What follows COMMAND is COMMAND's own, with or without a -- before it.
    context_settings={"allow_interspersed_args": False},
)
@options.inode
@options.duration
@options.interval
@options.mode
@options.by
@options.top
@options.sort
@options.format_
@options.output
@options.attach
@options.max_files
@options.max_states
@options.command
def trace(
    whos: tuple[Who, ...],
    duration: float | None,
    interval: float | None,
    mode: str,
    keys: tuple[Key, ...] | None,
    top: int | None,
    sort: SortKey,
    format_: str,
    output: str | None,
    attach: str,
    max_files: int,
    max_states: int,
    command: tuple[str, ...],
) -> int:
    """Trace i_mmap locks and print who waited on which, behind whom and why.

    For a while, or as long as COMMAND runs. Ctrl-C ends it and prints what was measured.
    """
    wanted = Format(format_)
    if wanted is Format.FOLDED and (interval or keys or top):
        raise UsageError("--format folded has no rows: leave out --interval, --by and --top")
    if mode == Mode.CONTENTION and sort in (SortKey.ACQUISITIONS, SortKey.HOLD):
        raise UsageError(f"--sort {sort}: contention mode does not count it; --mode full does")
    if top is None and wanted is Format.TABLE:
        top = options.DEFAULT_TABLE_ROWS
    if output == "-":
        output = None
    with ExitStack() as stack:
        write = stack.enter_context(output_to(output))
        kernel = traceable_kernel(kprobes=attach != "fentry")
        look_for(command)
        # Imported late: bad usage and a machine that cannot be traced are told at once.
        from immapscope.tracing.machine import Machine
        from immapscope.tracing.request import Attach, Request
        from immapscope.tracing.run import Span, run
        from immapscope.tracing.session import Session
        from immapscope.tracing.sizes import Sizes
        from immapscope.tracing.target import Target

        machine = Machine.from_sysfs()
        sizes = Sizes(
            machine.cpus, machine.nodes, files=max_files, waiting=max_states, held=max_states
        )
        request = Request(Mode(mode), Attach(attach), folded=wanted is Format.FOLDED)
        progress = stack.enter_context(Progress(sys.stderr))
        progress.say("compiling and attaching")
        session = stack.enter_context(
            Session(kernel.model, kernel.symbols, machine, request, sizes)
        )
        target = Target(session, whos)
        first = True

        def show(snapshot: Snapshot) -> None:
            nonlocal first
            progress.clear()
            text = render(
                snapshot, format=wanted, keys=keys, sort=sort, top=top,
                width=terminal_width(output), color=colored(output), header=first,
            )  # fmt: skip
            write(text)
            first = False

        if duration is None and not command:
            duration = DEFAULT_SECONDS
        outcome = run(target, Span(duration, interval, command), show, progress.tick(whos))
        show(outcome.snapshot)
        return outcome.status
