# SPDX-License-Identifier: GPL-2.0-or-later
"""One screen: what was measured, its rows, and the keys, in exactly the lines that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from rich.text import Text

from immapscope.grouping import GroupedRow, SortKey, group, in_order, top
from immapscope.live.filters import filtered
from immapscope.live.headline import headline, warnings
from immapscope.live.rates import per_second
from immapscope.live.readings import Readings
from immapscope.live.view import HELP, View
from immapscope.outputs.columns import Drawn, Grid, columns, fitted
from immapscope.outputs.files import labels
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration
from immapscope.snapshot import Snapshot

_COLUMN_OF_SORT: Final = {
    SortKey.WAIT: "wait total",
    SortKey.CONTENDED: "contended",
    SortKey.ACQUISITIONS: "acquisitions",
    SortKey.HOLD: "hold avg",
    SortKey.MAX: "wait max",
    SortKey.SPIN: "spin %",
    SortKey.NAME: "file",
}
_STYLES: Final = {"file": "cyan", "wait total": "bold", "wait %": "bold"}
_HEADER: Final = "reverse"
_KEYS: Final = "q quit  s sort  g group  / filter  t since start  space pause  ? help"
_WARNINGS_AT_MOST: Final = 3


def page(readings: Readings, view: View, width: int, height: int) -> list[Text]:
    """At most `height` lines, none wider than `width` cells."""
    snapshot = readings.since_start if view.since_start else readings.interval
    lines = [*_body(snapshot, view, width, height - 1)][: height - 1]
    lines += [Text() for _ in range(height - 1 - len(lines))]
    lines.append(_footer(view))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _body(snapshot: Snapshot | None, view: View, width: int, height: int) -> Iterator[Text]:
    if view.help:
        yield from _help(snapshot, view, width)
        return
    if snapshot is None:
        yield Text("measuring; the first numbers come after one interval", "dim")
        return
    above = [*headline(snapshot), *islice(warnings(snapshot), _WARNINGS_AT_MOST)]
    yield from above
    yield Text(_state(snapshot, view), "dim")
    rows = _rows(snapshot, view)
    if rows:
        yield from _table(snapshot, view, width, height - len(above) - 1, rows)
    else:
        yield Text()
        yield Text(_nothing(snapshot, view))


def _rows(snapshot: Snapshot, view: View) -> tuple[GroupedRow, ...]:
    return in_order(group(filtered(snapshot.rows, view.wanted), view.keys), view.sort)


def _grid(snapshot: Snapshot, view: View, width: int, rows: Sequence[GroupedRow]) -> Grid:
    shown = columns(snapshot, view.keys, labels(row.inode for row in rows))
    if not view.since_start:
        shown = per_second(shown, snapshot.duration_ns)
    return fitted(shown, rows, width)


def _table(
    snapshot: Snapshot, view: View, width: int, height: int, rows: Sequence[GroupedRow]
) -> Iterator[Text]:
    room = max(height - 2, 1)
    # The line that sums the rest takes one of the lines.
    shown = rows if len(rows) <= room else top(rows, room - 1)
    grid = _grid(snapshot, view, width, shown)
    gap = " " * grid.gap
    sorted_by = _COLUMN_OF_SORT.get(view.sort)
    for number in range(2):
        line = Text(style=_HEADER)
        for drawn in grid.drawn:
            # The names of columns stand at the bottom of the header.
            words = ["", *drawn.column.header.split("\n")][-2:]
            style = "bold underline" if drawn.column.name == sorted_by else ""
            line.append_text(_cell(words[number], drawn, style)).append(gap)
        line.pad_right(width - line.cell_len)
        yield line
    for cells in zip(*(drawn.cells for drawn in grid.drawn), strict=True):
        line = Text()
        for cell, drawn in zip(cells, grid.drawn, strict=True):
            style = _STYLES.get(drawn.column.name, "")
            line.append_text(_cell(cell, drawn, style)).append(gap)
        line.rstrip()
        yield line


def _cell(words: str, drawn: Drawn, style: str) -> Text:
    text = Text(words, style, end="")
    missing = drawn.width - text.cell_len
    blanks = Text(" " * missing)
    return text.append_text(blanks) if drawn.column.left else blanks.append_text(text)


def _state(snapshot: Snapshot, view: View) -> str:
    span = duration(snapshot.duration_ns)
    parts = [
        "PAUSED" if view.paused else "",
        f"filter {printable(view.wanted)}" if view.wanted else "",
        f"since the start, {span}" if view.since_start else f"last {span}, per second",
        f"by {','.join(view.keys)}",
        f"sort {view.sort}",
    ]
    return " | ".join(filter(None, parts))


def _nothing(snapshot: Snapshot, view: View) -> str:
    if snapshot.rows and view.wanted:
        return f"no file here is {printable(view.wanted)}; / and Enter shows all again"
    return f"no i_mmap lock was waited on in {duration(snapshot.duration_ns)}"


def _help(snapshot: Snapshot | None, view: View, width: int) -> Iterator[Text]:
    for keys, does in HELP:
        yield Text.assemble((f"{keys:>7}", "bold"), f"  {does}")
    yield Text()
    yield Text("tasks waiting is an average; wait % is of all waiting, spin % of the row's own")
    yield Text("wait max of an interval is exact where it is the longest so far, else the upper")
    yield Text("bound of the interval's highest histogram bucket, a power of two")
    left_out = _grid(snapshot, view, width, _rows(snapshot, view)).left_out if snapshot else ()
    if left_out:
        yield Text(f"left out at this width: {', '.join(left_out)}")


def _footer(view: View) -> Text:
    if view.typed is not None:
        return Text.assemble(
            ("filter: ", "bold"),
            printable(view.typed),
            ("_", "blink"),
            ("  Enter keeps it, Esc leaves it as it was", "dim"),
        )
    return Text(_KEYS, "dim")
