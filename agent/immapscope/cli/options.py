# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of `trace`: what each takes, and what it says in --help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from immapscope.durations import parse_duration
from immapscope.errors import ImmapscopeError
from immapscope.grouping import SortKey, parse_keys, parse_sort
from immapscope.outputs.render import Format
from immapscope.snapshot import Mode
from immapscope.who import Who, parse_who

T = TypeVar("T")

#: Rows of a table where nobody says; the formats for machines have all.
DEFAULT_TABLE_ROWS: Final = 30


def parsed(
    parse: Callable[[Any], T],
) -> Callable[[click.Context, click.Parameter, Any], T]:
    """A click callback whose errors name the option, once. `parse` may raise ImmapscopeError."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> T:
        try:
            return parse(value)
        except ImmapscopeError as error:
            reason = str(error).removeprefix(f"{parameter.opts[0]}: ")
            raise click.BadParameter(reason, context, parameter) from error

    return callback


def _optional(parse: Callable[[str], T]) -> Callable[[str | None], T | None]:
    return lambda value: None if value is None else parse(value)


def _whos(values: Sequence[str]) -> tuple[Who, ...]:
    return tuple(parse_who(value) for value in values)


def _choice(words: Sequence[str]) -> click.Choice[str]:
    return click.Choice(list(words))


inode = click.option(
    "--inode",
    "whos",
    multiple=True,
    metavar="WHO",
    callback=parsed(_whos),
    help="Only this file: a base name (libc.so means libc.so.6 too; ld.so is the dynamic loader), "
    "a glob, an absolute path, or MAJOR:MINOR:NUMBER. May be repeated.",
)

duration = click.option(
    "--duration",
    metavar="TIME",
    callback=parsed(_optional(parse_duration)),
    help="How long: 10s, 500ms, 2m. Default: 10s, or until COMMAND ends.",
)

interval = click.option(
    "--interval",
    metavar="TIME",
    callback=parsed(_optional(parse_duration)),
    help="Print each interval on its own.",
)

mode = click.option(
    "--mode",
    type=_choice([mode.value for mode in Mode]),
    default=Mode.FULL.value,
    show_default=True,
    metavar="MODE",
    help="full: every acquisition and hold; contention: waits only, cheaper.",
)

by = click.option(
    "--by",
    "keys",
    metavar="KEYS",
    callback=parsed(_optional(parse_keys)),
    help="Group by any of inode,shard,node,holder,operation,cause. "
    "Default: inode,node,operation in a table, else all.",
)

top = click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Only N rows, the rest summed into one. Default: {DEFAULT_TABLE_ROWS} in a table, "
    "else all.",
)

sort = click.option(
    "--sort",
    metavar="KEY",
    default=SortKey.WAIT.value,
    show_default=True,
    callback=parsed(parse_sort),
    help="wait, contended, acquisitions, hold, max, spin, interrupted or name.",
)

format_ = click.option(
    "--format",
    "format_",
    type=_choice([one.value for one in Format]),
    default=Format.TABLE.value,
    show_default=True,
    metavar="FORMAT",
    help="table, json, csv, or folded: stacks weighted by wait, for flame graphs.",
)

output = click.option(
    "--output",
    metavar="FILE",
    help="Write there. What the file holds stays until there is a result.",
)

attach = click.option(
    "--attach",
    type=_choice(["mixed", "fentry", "kprobe"]),
    default="mixed",
    show_default=True,
    metavar="HOW",
    help="mixed: exact on every kernel; fentry: cheaper, exact where the kernel does not preempt; "
    "kprobe: where fentry is not to be had.",
)

max_files = click.option(
    "--max-files",
    type=click.IntRange(min=2, max=65536),
    default=4096,
    show_default=True,
    metavar="N",
    help="Files that get rows of their own; the rest share one.",
)

max_states = click.option(
    "--max-states",
    type=click.IntRange(min=1, max=1 << 20),
    default=16384,
    show_default=True,
    metavar="N",
    help="Locks held or waited for at once; more are counted as lost.",
)

command = click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
