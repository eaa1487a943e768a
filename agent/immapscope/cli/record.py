# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope record`: every acquisition into a file."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import click

from immapscope.cli import options
from immapscope.cli.progress import Progress
from immapscope.cli.trace import DEFAULT_SECONDS
from immapscope.command import look_for
from immapscope.errors import ImmapscopeError, UsageError
from immapscope.modules import needed
from immapscope.preflight import traceable_kernel
from immapscope.snapshot import Mode, Snapshot

if TYPE_CHECKING:
    from immapscope.recording.recorded import Recorded

_EXAMPLES = """\b
Examples:
  immapscope record -o storm.parquet -- ./Run -c 384 execl
  immapscope record -o ten-seconds.parquet --duration 10s
  immapscope report storm.parquet --by inode,cause,operation
"""


@click.command(epilog=_EXAMPLES, context_settings={"allow_interspersed_args": False})
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="The recording; docs/recording.md."
)
@options.duration
@options.attach
@options.max_files
@options.max_states
@click.option(
    "--buffer",
    type=click.IntRange(min=1, max=1024),
    default=32,
    show_default=True,
    metavar="MB",
    callback=lambda _context, _parameter, value: 1 << (value - 1).bit_length(),
    help="The kernel's ring buffer, rounded up to a power of two. What finds no room is counted.",
)
@click.option(
    "--stacks",
    type=click.Choice(["contended", "all"]),
    default="contended",
    show_default=True,
    metavar="WHICH",
    help="Kernel stacks of contended waits, or of every acquisition, which costs an unwind each.",
)
@options.command
def record(
    output: str,
    duration: float | None,
    attach: str,
    max_files: int,
    max_states: int,
    buffer: int,
    stacks: str,
    command: tuple[str, ...],
) -> int:
    """Record every acquisition of i_mmap locks, with what changed in the trees, into FILE.

    For a while, or as long as COMMAND runs. FILE is Parquet; `report` prints it as `trace` would.
    """
    needed("pyarrow", "recording")
    with ExitStack() as stack:
        descriptor = stack.enter_context(_recording(output))
        kernel = traceable_kernel(kprobes=attach != "fentry")
        look_for(command)
        # Imported late: bad usage and a machine that cannot be traced are told at once.
        from immapscope.recording.recorded import Recorded
        from immapscope.tracing.machine import Machine
        from immapscope.tracing.request import Attach, Request
        from immapscope.tracing.run import Span, run
        from immapscope.tracing.session import Session
        from immapscope.tracing.sizes import Sizes

        machine = Machine.from_sysfs()
        sizes = Sizes(
            machine.cpus, machine.nodes,
            files=max_files, waiting=max_states, held=max_states, ring=buffer << 20,
        )  # fmt: skip
        request = Request(Mode.FULL, Attach(attach), recorded=True, all_stacks=stacks == "all")
        progress = stack.enter_context(Progress(sys.stderr))
        progress.say("compiling and attaching")
        session = stack.enter_context(
            Session(kernel.model, kernel.symbols, machine, request, sizes)
        )
        recorded = Recorded(session, descriptor, command)
        if duration is None and not command:
            duration = DEFAULT_SECONDS
        try:
            outcome = run(
                recorded, Span(duration, None, command), lambda _: None, _tick(progress, recorded)
            )
        except OSError as error:
            kept = "what is in it can be read" if recorded.progress.size else "nothing was recorded"
            raise ImmapscopeError(f"--output {output!r}: {error.strerror}; {kept}") from error
        progress.clear()
        with suppress(OSError):
            print(_summary(output, recorded, outcome.snapshot), file=sys.stderr)
        return outcome.status


@contextmanager
def _recording(path: str) -> Iterator[int]:
    """The file, open; what it holds stays until there is something to record.

    One that was made and never written to is taken away again.
    """
    made = not os.path.exists(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file has a NUL byte in its name"
        raise UsageError(f"--output {path!r}: {why}; name a file that can be written") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"--output {path!r}: a recording needs a file, this is none")
        yield descriptor
    finally:
        empty = os.fstat(descriptor).st_size == 0
        os.close(descriptor)
        if made and empty:
            with suppress(OSError):
                os.unlink(path)


def _tick(progress: Progress, recorded: Recorded) -> Callable[[Snapshot], None]:
    before, at = 0, time.monotonic()

    def show(snapshot: Snapshot) -> None:
        nonlocal before, at
        now, done = time.monotonic(), recorded.progress
        rate = (done.rows - before) / max(now - at, 1e-9)
        before, at = done.rows, now
        lost = f", {done.refused:,} found no room" if done.refused else ""
        progress.say(
            f"{snapshot.duration_ns / 1e9:.0f} s: {done.rows:,} rows, {rate:,.0f} a second, "
            f"{done.size / 1e6:.1f} MB{lost} (Ctrl-C ends and keeps)"
        )

    return show


def _summary(path: str, recorded: Recorded, snapshot: Snapshot) -> str:
    done, totals = recorded.progress, snapshot.totals
    lost = f"; {done.refused:,} rows found no room: give more with --buffer" if done.refused else ""
    return (
        f"{path}: {done.rows:,} rows, {done.size / 1e6:.1f} MB; "
        f"{totals.acquisitions:,} acquisitions, {totals.contended:,} waits{lost}"
    )
