# SPDX-License-Identifier: GPL-2.0-or-later
"""The table for people: one row a line whatever the width, plain text unless colour is asked for.

`wait %` is of all that was waited in the snapshot, `spin %` of the row's own wait, `wait avg` per
contended and `hold avg` per acquisition; `-` is what has no number. Columns that do not fit are
left out, the least telling first, and are named below the table. Names are `printable`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from immapscope.grouping import GroupedRow, Key
from immapscope.outputs.columns import Grid, columns, fitted
from immapscope.outputs.files import labels
from immapscope.outputs.prose import Line, Tone, after, before
from immapscope.outputs.sections import sections
from immapscope.snapshot import Snapshot

_WIDE_ENOUGH: Final = 100_000
_ANY_HEIGHT: Final = 25

_STYLES: Final = {"file": "cyan", "wait total": "bold", "wait %": "bold"}


def text(
    snapshot: Snapshot,
    rows: Sequence[GroupedRow],
    keys: Sequence[Key],
    *,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The rows of the snapshot, which were grouped by `keys`, with what it all comes to.

    `width` is in terminal cells; None is as wide as it takes, nothing shortened or wrapped.
    """
    console = Console(
        file=StringIO(),
        width=width or _WIDE_ENOUGH,
        height=_ANY_HEIGHT,
        force_terminal=color,
        force_jupyter=False,
        no_color=not color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    _print_lines(console, before(snapshot), width)
    console.print()
    if rows:
        shown = columns(snapshot, keys, labels(row.inode for row in rows))
        grid = fitted(shown, rows, width)
        console.print(_table(grid), soft_wrap=False)
        _print_lines(console, _below(grid), width)
        console.print()
    if snapshot.kernel.shards > 1:
        for title, section in sections(snapshot):
            _print_lines(console, [Line(title, Tone.TITLE)], width)
            console.print(section, soft_wrap=False)
            console.print()
    _print_lines(console, after(snapshot), width)
    written = console.file
    assert isinstance(written, StringIO)
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().split("\n")[:-1])


def _table(grid: Grid) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, grid.gap, 0, 0), header_style="bold")
    for drawn in grid.drawn:
        table.add_column(
            Text(f"{drawn.column.header}\n{'-' * drawn.width}"),
            justify="left" if drawn.column.left else "right",
            width=drawn.width,
            no_wrap=True,
            vertical="bottom",
            style=_STYLES.get(drawn.column.name, ""),
        )
    for cells in zip(*(drawn.cells for drawn in grid.drawn), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _below(grid: Grid) -> Iterator[Line]:
    yield Line("wait % is of all waiting, spin % of the row's own", Tone.ASIDE)
    if grid.left_out:
        yield Line(f"left out at this width: {', '.join(grid.left_out)}", Tone.ASIDE)


def _print_lines(console: Console, lines: Iterable[Line], width: int | None) -> None:
    for line in lines:
        wrapped = textwrap.wrap(
            line.text, width or _WIDE_ENOUGH, subsequent_indent="  ", break_on_hyphens=False
        )
        for part in wrapped:
            console.print(Text(part, style=line.tone.value), soft_wrap=True)
