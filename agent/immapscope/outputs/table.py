# SPDX-License-Identifier: GPL-2.0-or-later
"""The table for people: one row a line whatever the width, plain text unless colour is asked for.

`wait %` is of all that was waited in the snapshot, `spin %` of the row's own wait, `wait avg` per
contended and `hold avg` per acquisition; `-` is what has no number. Columns that do not fit are
left out, the least telling first, and are named below the table. Names are `printable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from immapscope.grouping import GroupedRow, Key
from immapscope.outputs.columns import Grid, columns, fitted
from immapscope.outputs.files import labels
from immapscope.outputs.page import Page
from immapscope.outputs.prose import Line, Tone, after, before
from immapscope.outputs.sections import sections
from immapscope.snapshot import Snapshot

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
    page = Page(width, color)
    page.lines(before(snapshot))
    page.gap()
    if rows:
        shown = columns(snapshot, keys, labels(row.inode for row in rows))
        grid = fitted(shown, rows, width)
        page.table(_table(grid))
        page.lines(_below(grid))
        page.gap()
    if snapshot.kernel.shards > 1:
        for title, section in sections(snapshot):
            page.lines([Line(title, Tone.TITLE)])
            page.table(section)
            page.gap()
    page.lines(after(snapshot))
    return page.text()


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
