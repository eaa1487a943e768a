# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows as CSV (RFC 4180, lines ended by a newline): a header, then one line a row.

Every line begins with when its session or interval started and how long it was, so that files of
several runs can be put together. Times are seconds. A field is empty where JSON has null or
false; a key that was not grouped by has no column; `rest_of` counts the rows that `--top` summed
into this one. Histograms, shards, losses and totals are in JSON only. In names, what is not
printable UTF-8, and the backslash, is `\\xNN`; nothing else is changed, so a spreadsheet may take
a name that begins with `=` for a formula.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Final

from immapscope.grouping import GroupedRow, Key
from immapscope.outputs.json import seconds, timestamp
from immapscope.outputs.printable import printable
from immapscope.snapshot import Inode, Snapshot

Field = str | int | float | None

_COLUMNS_OF_KEY: Final[dict[Key, tuple[str, ...]]] = {
    Key.INODE: ("device", "number", "generation", "name", "path", "deleted"),
    Key.SHARD: ("shard",),
    Key.NODE: ("node",),
    Key.HOLDER: ("holder_kind", "holder_node"),
    Key.OPERATION: ("operation",),
    Key.CAUSE: ("cause",),
}

_MEASURES: Final = (
    "acquisitions",
    "contended",
    "interrupted",
    "wait_seconds",
    "spin_seconds",
    "wait_seconds_max",
    "hold_seconds",
    "rest_of",
)


def table(
    snapshot: Snapshot, rows: Sequence[GroupedRow], keys: Sequence[Key], *, header: bool = True
) -> str:
    """The rows of the snapshot, which were grouped by `keys`; `header` False continues a file."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    shown = [key for key in Key if key in keys]
    if header:
        columns = [column for key in shown for column in _COLUMNS_OF_KEY[key]]
        writer.writerow(["started", "duration_seconds", *columns, *_MEASURES])
    session = [timestamp(snapshot.started), seconds(snapshot.duration_ns)]
    for row in rows:
        writer.writerow([*session, *_key_fields(row, shown), *_measures(row)])
    return text.getvalue()


def _key_fields(row: GroupedRow, keys: Sequence[Key]) -> list[Field]:
    of_key: dict[Key, list[Field]] = {
        Key.INODE: _inode_fields(row.inode),
        Key.SHARD: [row.shard],
        Key.NODE: [row.node],
        Key.HOLDER: [row.holder_kind.value if row.holder_kind else None, row.holder_node],
        Key.OPERATION: [row.operation.label if row.operation else None],
        Key.CAUSE: [row.cause.label if row.cause else None],
    }
    return [field for key in keys for field in of_key[key]]


def _inode_fields(inode: Inode | None) -> list[Field]:
    if inode is None:
        return [None] * len(_COLUMNS_OF_KEY[Key.INODE])
    return [
        inode.device,
        inode.number,
        inode.generation,
        None if inode.name is None else printable(inode.name),
        None if inode.path is None else printable(inode.path),
        "true" if inode.deleted else None,
    ]


def _measures(row: GroupedRow) -> list[Field]:
    return [
        row.acquisitions,
        row.contended,
        row.interrupted,
        seconds(row.wait_ns),
        None if row.spin_ns is None else seconds(row.spin_ns),
        seconds(row.wait_max_ns),
        None if row.hold_ns is None else seconds(row.hold_ns),
        row.rest_of or None,
    ]
