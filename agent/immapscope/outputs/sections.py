# SPDX-License-Identifier: GPL-2.0-or-later
"""What a table adds where a file has several trees: its shards, and which node waits behind which.

At most 80 columns, whatever the terminal is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from immapscope.grouping import FileIdentity, identity
from immapscope.outputs.files import labels
from immapscope.outputs.matrix import matrix
from immapscope.outputs.shards import FILES, FileShards, ShardLine, files
from immapscope.outputs.shortened import shortened
from immapscope.outputs.units import UNKNOWN, compact, duration, percent, plural, rate
from immapscope.snapshot import Snapshot

_TITLE_CELLS: Final = 60
_HEADERS: Final = (
    "shard", "home\nnode", "VMAs", "inserts", "by\nfork", "removes", "remote\n%", "waits",
    "wait\ntotal",
)  # fmt: skip


def sections(snapshot: Snapshot) -> Iterator[tuple[str, Table]]:
    """(title, table) of each section."""
    found = files(snapshot)
    names = labels(file.inode for file in found)
    for file in found[:FILES]:
        yield _title(file, names), _shards(file)
    waits = matrix(snapshot)
    if waits is not None:
        title = "% of all waiting, by the waiter's node (down) and the holder's (across)"
        yield (
            title,
            _table(
                ("node", *waits.columns),
                [(row, *cells) for row, cells in zip(waits.rows, waits.cells, strict=True)],
                gap=1,
            ),
        )


def _title(file: FileShards, names: dict[FileIdentity, str]) -> str:
    parts = [shortened(names[identity(file.inode)], _TITLE_CELLS)]
    if file.imbalance is not None:
        parts.append(f"imbalance {rate(file.imbalance)}")
    if file.remote is not None:
        parts.append(f"{percent(file.remote, file.changes)} % of changes from another node")
    if file.forked and file.forked_remote is not None:
        parts.append(f"{percent(file.forked_remote, file.forked)} % of forked VMAs on one")
    if file.sweep is not None:
        waited = duration(file.sweep.wait_ns)
        parts.append(f"{plural(file.sweep.count, 'sweep')}, {waited} waited in them")
    return "; ".join(parts)


def _shards(file: FileShards) -> Table:
    return _table(_HEADERS, [_cells(line) for line in file.lines], gap=2)


def _cells(line: ShardLine) -> tuple[str, ...]:
    shard = line.shard
    whole = shard.shard is None
    return (
        "all" if whole else str(shard.shard),
        UNKNOWN if shard.home_node is None else str(shard.home_node),
        UNKNOWN if shard.vmas is None else compact(shard.vmas),
        UNKNOWN if whole else compact(shard.inserts),
        UNKNOWN if whole else compact(shard.inserts_after),
        UNKNOWN if whole else compact(shard.removes),
        UNKNOWN if line.remote is None else percent(line.remote, line.changes),
        compact(shard.contended),
        duration(shard.wait_ns),
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(Text(header), justify="right", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
