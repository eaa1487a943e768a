# SPDX-License-Identifier: GPL-2.0-or-later
"""Who waits behind whom: the waiter's node by the holder's, in percent of all waiting.

Whole percents keep 12 nodes by 12 within 80 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from immapscope.snapshot import HolderKind, Snapshot

NOTHING: Final = "."


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells[i][j]` belongs to the waiter's node `nodes[i]` and the column `columns[j]`.

    Columns are nodes of writers, then `reader` and `unknown`, then `all`. The last row is of all.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


def matrix(snapshot: Snapshot) -> Matrix | None:
    """None where nobody waited."""
    waits: dict[tuple[int, str], int] = {}
    for row in snapshot.rows:
        if row.node is not None and row.wait_ns:
            key = (row.node, _holder(row.holder_kind, row.holder_node))
            waits[key] = waits.get(key, 0) + row.wait_ns
    if not waits:
        return None
    nodes = sorted({node for node, _ in waits} | {int(h) for _, h in waits if h.isdigit()})
    holders = [*map(str, nodes), HolderKind.READER.value, HolderKind.UNKNOWN.value]
    whole = sum(waits.values())
    cells = [_cells([waits.get((node, holder), 0) for holder in holders], whole) for node in nodes]
    by_holder = [sum(waits.get((node, holder), 0) for node in nodes) for holder in holders]
    return Matrix(
        rows=(*map(str, nodes), "all"),
        columns=(*holders, "all"),
        cells=(*cells, _cells(by_holder, whole)),
    )


def _holder(kind: HolderKind | None, node: int | None) -> str:
    if kind is HolderKind.WRITER and node is not None:
        return str(node)
    return (kind if kind is HolderKind.READER else HolderKind.UNKNOWN).value


def _cells(parts: Sequence[int], whole: int) -> tuple[str, ...]:
    return tuple(_percent(part, whole) for part in (*parts, sum(parts)))


def _percent(part: int, whole: int) -> str:
    if part == 0:
        return NOTHING
    value = 100 * part / whole
    return "<1" if value < 0.5 else f"{value:.0f}"
