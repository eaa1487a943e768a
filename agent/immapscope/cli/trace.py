# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope trace`: one session, then what it saw."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import click

from immapscope.cli.durations import Duration
from immapscope.cli.progress import Progress
from immapscope.errors import CannotTraceError, ImmapscopeError, UsageError
from immapscope.grouping import Key, SortKey, parse_keys, parse_sort
from immapscope.outputs import Format, render
from immapscope.preflight import Kernel, inspect
from immapscope.snapshot import Mode, Snapshot
from immapscope.who import Who, parse_who

T = TypeVar("T")

DEFAULT_SECONDS = 10.0


def _parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str], T]:
    """A click callback whose errors name the option."""

    def callback(context: click.Context, parameter: click.Parameter, value: str) -> T:
        try:
            return parse(value)
        except ImmapscopeError as error:
            raise click.BadParameter(str(error), context, parameter) from error

    return callback


def _optional(parse: Callable[[str], T]) -> Callable[[str | None], T | None]:
    return lambda value: None if value is None else parse(value)


def _whos(values: Sequence[str]) -> tuple[Who, ...]:
    return tuple(parse_who(value) for value in values)


@click.command(context_settings={"ignore_unknown_options": False})
@click.option(
    "--inode", "whos", multiple=True, metavar="WHO", callback=_parsed(_whos),  # type: ignore[arg-type]  # click hands a multiple option over as a tuple
    help="Only this file: a base name (libc.so means libc.so.6 too; ld.so is the dynamic loader), "
    "a glob, an absolute path, or MAJOR:MINOR:NUMBER. May be repeated.",
)
@click.option("--duration", type=Duration(), help="How long: 10s, 500ms, 2m. Default 10s, or COMMAND's.")
@click.option("--interval", type=Duration(), help="Print each interval on its own.")
@click.option(
    "--mode", type=click.Choice([mode.value for mode in Mode]), default=Mode.FULL.value,
    show_default=True, help="full: every acquisition and hold; contention: waits only, cheaper.",
)
@click.option(
    "--by", "keys", metavar="KEYS", callback=_parsed(_optional(parse_keys)),
    help="Group by any of inode,shard,node,holder,operation,cause. "
    "Default inode,node,operation; JSON and CSV: all.",
)
@click.option("--top", type=click.IntRange(min=1), help="Only the first N rows; the rest is summed.")
@click.option("--sort", default=SortKey.WAIT.value, show_default=True, callback=_parsed(parse_sort),
              help="wait, contended, acquisitions, hold, max, spin, interrupted or name.")
@click.option(
    "--format", "format_", type=click.Choice([one.value for one in Format]),
    default=Format.TABLE.value, show_default=True,
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option(
    "--attach", type=click.Choice(["mixed", "fentry", "kprobe"]), default="mixed",
    show_default=True, help="How programs are attached; mixed is exact on every kernel.",
)
@click.option("--max-files", type=click.IntRange(min=2, max=65536), default=4096, show_default=True,
              help="Files that get rows of their own.")
@click.option("--max-states", type=click.IntRange(min=1, max=1 << 20), default=16384,
              show_default=True, help="Locks held or waited for at once.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
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
    """Trace i_mmap locks for a while, or as long as COMMAND runs, and print who waited."""
    wanted = Format(format_)
    if wanted is Format.FOLDED and interval is not None:
        raise UsageError("--format folded has no intervals: leave out --interval")
    with ExitStack() as stack:
        write = _writer(output, stack)
        kernel = traceable_kernel()
        # Imported late: bad usage and a machine that cannot be traced are told at once.
        from immapscope.tracing.machine import Machine
        from immapscope.tracing.programs import Attach
        from immapscope.tracing.run import CommandFailedError, Span, run
        from immapscope.tracing.session import Request, Session
        from immapscope.tracing.source import Sizes
        from immapscope.tracing.target import Target

        machine = Machine.from_sysfs()
        sizes = Sizes(
            machine.cpus, machine.nodes, files=max_files, waiting=max_states, held=max_states
        )
        request = Request(Mode(mode), Attach(attach), folded=wanted is Format.FOLDED)
        progress = stack.enter_context(Progress(sys.stderr))
        progress.say("compiling and attaching")
        session = stack.enter_context(Session(kernel.model, kernel.symbols, machine, request, sizes))
        target = Target(session, whos)
        first = True

        def show(snapshot: Snapshot) -> None:
            nonlocal first
            progress.clear()
            text = render(
                snapshot, format=wanted, keys=keys, sort=sort, top=top,
                width=_terminal_width(output), color=_colored(output), header=first,
            )  # fmt: skip
            write(text)
            first = False

        if duration is None and not command:
            duration = DEFAULT_SECONDS
        try:
            outcome = run(
                target, Span(duration, interval, command), show, progress.tick(whos)
            )
        except CommandFailedError as error:
            progress.clear()
            print(f"immapscope: {error}", file=sys.stderr)
            return int(error.status)
        show(outcome.snapshot)
        return outcome.status


def traceable_kernel() -> Kernel:
    """The kernel, or CannotTraceError with the first blocker in one line."""
    verdict = inspect()
    if verdict.blockers:
        blocker = verdict.blockers[0]
        more = len(verdict.blockers) - 1
        others = f" ({more} more: immapscope doctor)" if more else ""
        raise CannotTraceError(
            f"this machine cannot be traced: {blocker.name}: {blocker.finding}; "
            f"{blocker.advice}{others}"
        )
    assert verdict.kernel is not None
    return verdict.kernel


def _writer(output: str | None, stack: ExitStack) -> Callable[[str], None]:
    """Where text goes; a file is opened before anything is traced, so that nothing is lost."""
    if output is None:
        return lambda text: click.echo(text, nl=False)
    try:
        file = stack.enter_context(
            Path(output).open("w", encoding="utf-8", errors="surrogateescape", newline="")
        )
    except OSError as error:
        raise UsageError(f"--output {output!r}: {error.strerror}; name a file that can be written")

    def write(text: str) -> None:
        file.write(text)
        file.flush()

    return write


def _terminal_width(output: str | None) -> int | None:
    if output is not None:
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return None


def _colored(output: str | None) -> bool:
    return output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
