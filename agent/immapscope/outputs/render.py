# SPDX-License-Identifier: GPL-2.0-or-later
"""A snapshot as text: the table for people, JSON, CSV, folded stacks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from immapscope.grouping import ALL_KEYS, Key, SortKey, group, in_order
from immapscope.grouping import top as top_of
from immapscope.outputs import csv, folded, json, table
from immapscope.snapshot import Snapshot


class Format(StrEnum):
    """What `--format` takes."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    FOLDED = "folded"

    @property
    def default_keys(self) -> tuple[Key, ...]:
        """What rows are grouped by where nobody says."""
        return (Key.INODE, Key.NODE, Key.OPERATION) if self is Format.TABLE else ALL_KEYS


def render(
    snapshot: Snapshot,
    *,
    format: Format,
    keys: Sequence[Key] | None = None,
    sort: SortKey = SortKey.WAIT,
    top: int | None = None,
    width: int | None = None,
    color: bool = False,
    header: bool = True,
) -> str:
    """The snapshot in this format, ended by a newline unless empty, without lone surrogates.

    `keys` None is the format's default, `top` None all rows. `width` (cells; None is as wide as it
    takes) and `color` are the table's, `header` False leaves out CSV's for a file that goes on.
    Folded stacks have no rows: of all these they take none.
    """
    if format is Format.FOLDED:
        return folded.stacks(snapshot)
    grouped_by = tuple(keys or format.default_keys)
    rows = in_order(group(snapshot.rows, grouped_by), sort)
    if top is not None:
        rows = top_of(rows, top)
    match format:
        case Format.JSON:
            return json.document(snapshot, rows, grouped_by)
        case Format.CSV:
            return csv.table(snapshot, rows, grouped_by, header=header)
        case Format.TABLE:
            return table.text(snapshot, rows, grouped_by, width=width, color=color)
