# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope report`: what `trace` prints, from a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from immapscope.cli import options
from immapscope.cli.output import output_to
from immapscope.cli.terminal import colored, terminal_width
from immapscope.errors import UsageError
from immapscope.grouping import Key, SortKey
from immapscope.modules import needed
from immapscope.outputs.render import Format, render
from immapscope.who import PathWho, Who

if TYPE_CHECKING:
    from collections.abc import Callable

    from immapscope.snapshot import Inode


@click.command()
@click.argument("recording", metavar="FILE")
@options.inode
@options.by
@options.top
@options.sort
@options.format_
@options.output
def report(
    recording: str,
    whos: tuple[Who, ...],
    keys: tuple[Key, ...] | None,
    top: int | None,
    sort: SortKey,
    format_: str,
    output: str | None,
) -> int:
    """Print the recording in FILE as `trace` would have printed the same span."""
    needed("pyarrow", "recording")
    wanted = Format(format_)
    if wanted is Format.FOLDED and (keys or top):
        raise UsageError("--format folded has no rows: leave out --by and --top")
    for who in whos:
        if isinstance(who, PathWho):
            raise UsageError(
                f"--inode {who.text!r}: a recording knows no paths; "
                "give the base name, or MAJOR:MINOR:NUMBER"
            )
    if top is None and wanted is Format.TABLE:
        top = options.DEFAULT_TABLE_ROWS
    if output == "-":
        output = None
    from immapscope.recording.reader import Recording
    from immapscope.recording.rebuild import snapshot_of

    with Recording(recording) as opened:
        snapshot = snapshot_of(opened, _matching(whos), folded=wanted is Format.FOLDED)
    with output_to(output) as write:
        write(
            render(
                snapshot,
                format=wanted,
                keys=keys,
                sort=sort,
                top=top,
                width=terminal_width(output),
                color=colored(output),
                header=True,
            )
        )
    return 0


def _matching(whos: tuple[Who, ...]) -> Callable[[Inode], bool] | None:
    if not whos:
        return None
    return lambda inode: any(who.matches(inode) for who in whos)
