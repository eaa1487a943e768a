# SPDX-License-Identifier: GPL-2.0-or-later
"""The columns of the table, and which of them go into a terminal of a given width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from rich.cells import cell_len

from immapscope.grouping import FileIdentity, GroupedRow, Key, identity
from immapscope.outputs.files import OTHER_FILES
from immapscope.outputs.shortened import shortened
from immapscope.outputs.units import UNKNOWN, compact, duration, grouped, percent, plural
from immapscope.snapshot import Mode, Row, Snapshot

#: A file's column gives way to other columns down to this; ld-linux-x86-64.so.2 still fits.
FILE_CELLS: Final = 20
FEWEST_FILE_CELLS: Final = 8

Count = Callable[[int], str]


class Keep(IntEnum):
    """What a narrow terminal gives up, first to last; columns up to `HOLD_AVERAGE` derive."""

    CONTENDED_PERCENT = 0
    WAIT_AVERAGE = 1
    HOLD_AVERAGE = 2
    SPIN_PERCENT = 3
    WAIT_MAXIMUM = 4
    ACQUISITIONS = 5
    WAIT_PERCENT = 6
    CONTENDED = 7
    ALWAYS = 8


@dataclass(frozen=True, slots=True)
class Column:
    """`header` has lines; `cell` gives a row's text, counts written as it is told."""

    name: str
    header: str
    cell: Callable[[GroupedRow, Count], str]
    keep: Keep = Keep.ALWAYS
    left: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A column with its cells, each at most `width` terminal cells wide."""

    column: Column
    cells: Sequence[str]
    width: int

    def narrowed(self, width: int) -> Drawn:
        """The same with every cell shortened to `width`."""
        return replace(self, cells=[shortened(cell, width) for cell in self.cells], width=width)


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns side by side, `gap` blanks between them; names of those that were left out."""

    drawn: Sequence[Drawn]
    gap: int
    left_out: Sequence[str] = ()

    @property
    def width(self) -> int:
        """In terminal cells."""
        return sum(drawn.width for drawn in self.drawn) + self.gap * (len(self.drawn) - 1)


def columns(
    snapshot: Snapshot, keys: Sequence[Key], labels: Mapping[FileIdentity, str]
) -> tuple[Column, ...]:
    """Key columns in the order of `keys`, then the measures that the snapshot's mode has.

    By holder or cause there is no contended %: only what was contended has either.
    """
    key_columns = [_key_column(key, snapshot, labels) for key in keys]
    key_columns[0] = _naming_the_rest(key_columns[0])
    return (*key_columns, *_measures(snapshot, keys))


def fitted(shown: Sequence[Column], rows: Sequence[GroupedRow], width: int | None) -> Grid:
    """The most that `width` cells hold; None is as wide as it takes.

    Given up in this order: the wide gap, derived columns, all digits of counts, other columns, at
    last the readable width of a file's name.
    """
    grid = Grid(_drawn(shown, rows, grouped), gap=2)
    if width is None:
        return grid
    for attempt, file_cells in _attempts(shown, rows, grid):
        grid = _with_room_for_files(attempt, width, file_cells)
        if grid.width <= width:
            break
    kept = [drawn.column for drawn in grid.drawn]
    return replace(grid, left_out=[column.name for column in shown if column not in kept])


def _attempts(
    shown: Sequence[Column], rows: Sequence[GroupedRow], widest: Grid
) -> Iterator[tuple[Grid, int]]:
    """Grids, ever narrower, each with the least width of a file's name."""
    short = _drawn(shown, rows, compact)

    def kept(drawn: Sequence[Drawn], least: Keep) -> Grid:
        return Grid([one for one in drawn if one.column.keep >= least], gap=1)

    yield widest, FILE_CELLS
    for least in Keep:
        yield kept(widest.drawn, least), FILE_CELLS
        if least > Keep.HOLD_AVERAGE:
            yield kept(short, least), FILE_CELLS
    yield kept(short, Keep.ALWAYS), FEWEST_FILE_CELLS


def _drawn(shown: Sequence[Column], rows: Sequence[GroupedRow], count: Count) -> list[Drawn]:
    drawn: list[Drawn] = []
    for column in shown:
        cells = [column.cell(row, count) for row in rows]
        lines = (*column.header.split("\n"), *cells)
        drawn.append(Drawn(column, cells, max(map(cell_len, lines))))
    return drawn


def _with_room_for_files(grid: Grid, width: int, file_cells: int) -> Grid:
    """With the file's column as narrow as it takes, but not below `file_cells`."""
    excess = grid.width - width
    if excess <= 0:
        return grid
    return replace(
        grid,
        drawn=[
            one.narrowed(max(one.width - excess, min(file_cells, one.width)))
            if one.column.name == "file"
            else one
            for one in grid.drawn
        ],
    )


def _naming_the_rest(column: Column) -> Column:
    def cell(row: GroupedRow, count: Count) -> str:
        return f"({plural(row.rest_of, 'more row')})" if row.rest_of else column.cell(row, count)

    return replace(column, cell=cell)


def _key_column(key: Key, snapshot: Snapshot, labels: Mapping[FileIdentity, str]) -> Column:
    several = snapshot.kernel.shards > 1

    def file(row: Row) -> str:
        return labels[identity(row.inode)] if row.inode else OTHER_FILES

    def shard(row: Row) -> str:
        return str(row.shard) if row.shard is not None else "all" if several else UNKNOWN

    def node(row: Row) -> str:
        return UNKNOWN if row.node is None else str(row.node)

    def operation(row: Row) -> str:
        return row.operation.label if row.operation else UNKNOWN

    def cause(row: Row) -> str:
        return row.cause.label if row.cause else UNKNOWN

    def of_key(name: str, text: Callable[[Row], str], *, left: bool) -> Column:
        return Column(
            name, name, lambda row, _: "" if row.rest_of else text(row), Keep.ALWAYS, left
        )

    match key:
        case Key.INODE:
            return of_key("file", file, left=True)
        case Key.SHARD:
            return of_key("shard", shard, left=False)
        case Key.NODE:
            return of_key("node", node, left=False)
        case Key.HOLDER:
            return of_key("holder", _holder, left=True)
        case Key.OPERATION:
            return of_key("operation", operation, left=True)
        case Key.CAUSE:
            return of_key("cause", cause, left=True)


def _holder(row: Row) -> str:
    if row.holder_kind is None:
        return UNKNOWN
    return row.holder_kind.value + ("" if row.holder_node is None else f"@{row.holder_node}")


def _measures(snapshot: Snapshot, keys: Sequence[Key]) -> tuple[Column, ...]:
    total = snapshot.totals.wait_ns
    acquisitions = Column("acquisitions", "acqui-\nsitions", _acquisitions, Keep.ACQUISITIONS)
    contended = Column("contended", "con-\ntended", _contended, Keep.CONTENDED)
    contended_percent = Column(
        "contended %", "% con-\ntended", _contended_percent, Keep.CONTENDED_PERCENT
    )
    waits = (
        Column("wait total", "wait\ntotal", lambda row, _: duration(row.wait_ns)),
        Column("wait %", "wait\n%", lambda row, _: percent(row.wait_ns, total), Keep.WAIT_PERCENT),
        Column("wait avg", "wait\navg", _wait_average, Keep.WAIT_AVERAGE),
        Column("wait max", "wait\nmax", _wait_maximum, Keep.WAIT_MAXIMUM),
        Column("spin %", "spin\n%", _spin_percent, Keep.SPIN_PERCENT),
    )
    hold_average = Column("hold avg", "hold\navg", _hold_average, Keep.HOLD_AVERAGE)
    if snapshot.mode is Mode.CONTENTION:
        return (contended, *waits)
    if Key.HOLDER in keys or Key.CAUSE in keys:
        return (acquisitions, contended, *waits, hold_average)
    return (acquisitions, contended, contended_percent, *waits, hold_average)


def _contended(row: GroupedRow, count: Count) -> str:
    return count(row.contended)


def _acquisitions(row: GroupedRow, count: Count) -> str:
    return UNKNOWN if row.acquisitions is None else count(row.acquisitions)


def _contended_percent(row: GroupedRow, _: Count) -> str:
    return UNKNOWN if row.acquisitions is None else percent(row.contended, row.acquisitions)


def _wait_average(row: GroupedRow, _: Count) -> str:
    return duration(row.wait_ns / row.contended) if row.contended else UNKNOWN


def _wait_maximum(row: GroupedRow, _: Count) -> str:
    return duration(row.wait_max_ns) if row.contended else UNKNOWN


def _spin_percent(row: GroupedRow, _: Count) -> str:
    return UNKNOWN if row.spin_ns is None else percent(row.spin_ns, row.wait_ns)


def _hold_average(row: GroupedRow, _: Count) -> str:
    if row.hold_ns is None or not row.acquisitions:
        return UNKNOWN
    return duration(row.hold_ns / row.acquisitions)
