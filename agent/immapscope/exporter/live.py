# SPDX-License-Identifier: GPL-2.0-or-later
"""The newest interval as JSON for the page at `/`: docs/live.md tells its fields.

Rates are per second of the interval; a rate of waiting, s/s, is how many tasks waited at once on
average. Everything is bounded: files, shards and points of the trend.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from immapscope.exporter.labels import FileLabels, file_labels
from immapscope.exporter.status import Status
from immapscope.law import law
from immapscope.snapshot import HolderKind, Inode, Row, Snapshot

#: So many files are named; so many shards of the hottest one have a column of their own.
MOST_FILES: Final = 10
MOST_SHARDS: Final = 24
#: Snapshots that the trend shows; of each the files that waited most then are remembered.
POINTS: Final = 120

Json = dict[str, Any]


class Live:
    """Keeps the trend; `observe` gives the JSON of each interval."""

    def __init__(self) -> None:
        self._trend: deque[tuple[float, float, dict[FileLabels, float]]] = deque(maxlen=POINTS)

    def observe(self, interval: Snapshot, status: Status) -> bytes:
        """The document, UTF-8 without anything beyond ASCII."""
        seconds = max(interval.duration_ns / 1e9, 1e-9)
        by_file = _by_file(interval.rows)
        waited = {inode: wait for inode, rows in by_file.items() if (wait := _wait(rows))}
        ranked = sorted(waited, key=lambda inode: -waited[inode])
        hottest = [(inode, file_labels(inode), by_file[inode]) for inode in ranked[:MOST_FILES]]
        rates = {name: _wait(rows) / 1e9 / seconds for _, name, rows in hottest}
        total = interval.totals.wait_ns / 1e9 / seconds
        self._trend.append((status.snapshot_time, total, rates))
        document = {
            "schema": 1,
            "time": status.snapshot_time,
            "interval_seconds": seconds,
            "kernel": asdict(interval.kernel),
            "mode": interval.mode.value,
            "tracked_inodes": status.tracked_inodes,
            "totals": _totals(interval, seconds),
            "files": [
                self._file(inode, name, rows, interval, seconds) for inode, name, rows in hottest
            ],
            "more_files": len(ranked) - len(hottest),
            "matrix": _matrix(interval, seconds),
            "causes": _causes(interval.rows, seconds),
            "shards": _shards(*hottest[0], interval, seconds) if hottest else None,
            "loss": _loss(interval),
            "reconciles": all(equation.holds for equation in law(interval)),
            "trend": {
                "times": [time for time, _, _ in self._trend],
                "waiting": [_rounded(waiting) for _, waiting, _ in self._trend],
            },
        }
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()

    def _file(
        self, inode: Inode, name: FileLabels, rows: list[Row], interval: Snapshot, seconds: float
    ) -> Json:
        waits = sum(row.contended for row in rows)
        changes = sum(
            one.inserts + one.inserts_after + one.removes
            for one in interval.tree_operations
            if one.inode == inode
        )
        by_node: dict[int | None, int] = {}
        for row in rows:
            by_node[row.node] = by_node.get(row.node, 0) + row.wait_ns
        return {
            "file": name.file,
            "inode": name.inode,
            "waiting": _rounded(_wait(rows) / 1e9 / seconds),
            "waits_per_second": _rounded(waits / seconds),
            "wait_seconds_max": max(row.wait_max_ns for row in rows) / 1e9,
            "wait_seconds_per_tree_operation": _wait(rows) / 1e9 / changes if changes else None,
            "node": max(by_node, key=lambda node: by_node[node]),
            "causes": _causes(rows, seconds)[:3],
            # What was not among the hottest then was not remembered.
            "trend": [
                None if name not in rates else _rounded(rates[name]) for _, _, rates in self._trend
            ],
        }


def _by_file(rows: Iterable[Row]) -> dict[Inode, list[Row]]:
    """The rows of waits by file; those of no file are in the totals alone."""
    found: dict[Inode, list[Row]] = {}
    for row in rows:
        if row.inode is not None and row.contended:
            found.setdefault(row.inode, []).append(row)
    return found


def _wait(rows: Iterable[Row]) -> int:
    return sum(row.wait_ns for row in rows)


def _rounded(value: float) -> float:
    """Four digits are more than a chart shows."""
    return float(f"{value:.4g}")


def _totals(interval: Snapshot, seconds: float) -> Json:
    totals = interval.totals
    return {
        "waiting": _rounded(totals.wait_ns / 1e9 / seconds),
        "waits_per_second": _rounded(totals.contended / seconds),
        "execs_per_second": _rounded(totals.execs / seconds),
        "forks_per_second": _rounded(totals.forks / seconds),
        "wait_seconds_per_exec": totals.wait_ns / 1e9 / totals.execs if totals.execs else None,
    }


def _matrix(interval: Snapshot, seconds: float) -> Json | None:
    """Waiting by the waiter's node and the holder's; None where nobody waited."""
    cells: dict[tuple[int, str], int] = {}
    for row in interval.rows:
        if row.node is not None and row.wait_ns:
            key = (row.node, _holder(row))
            cells[key] = cells.get(key, 0) + row.wait_ns
    if not cells:
        return None
    nodes = sorted({node for node, _ in cells} | {int(who) for _, who in cells if who.isdigit()})
    holders = [*map(str, nodes), HolderKind.READER.value, HolderKind.UNKNOWN.value]
    return {"nodes": nodes, "holders": holders, "waiting": _table(cells, nodes, holders, seconds)}


def _holder(row: Row) -> str:
    if row.holder_kind is HolderKind.WRITER and row.holder_node is not None:
        return str(row.holder_node)
    kind = row.holder_kind
    return (kind if kind is HolderKind.READER else HolderKind.UNKNOWN).value


def _shards(
    inode: Inode, name: FileLabels, rows: list[Row], interval: Snapshot, seconds: float
) -> Json | None:
    """Waiting on the hottest file by node and shard; None where a file has one tree."""
    if interval.kernel.shards < 2:
        return None
    cells: dict[tuple[int, int | None], int] = {}
    for row in rows:
        if row.node is not None and row.wait_ns:
            key = (row.node, row.shard)
            cells[key] = cells.get(key, 0) + row.wait_ns
    by_shard: dict[int | None, int] = {}
    for (_, shard), wait in cells.items():
        by_shard[shard] = by_shard.get(shard, 0) + wait
    hottest = sorted(by_shard, key=lambda shard: -by_shard[shard])[:MOST_SHARDS]
    shown = sorted(hottest, key=lambda shard: (shard is None, shard or 0))
    nodes = sorted({node for node, _ in cells})
    homes = {one.shard: one.home_node for one in interval.shards if one.inode == inode}
    return {
        "file": name.file,
        "inode": name.inode,
        "nodes": nodes,
        "shards": shown,
        "home_nodes": [homes.get(shard) for shard in shown],
        "more_shards": len(by_shard) - len(shown),
        "waiting": _table(cells, nodes, shown, seconds),
    }


def _table(
    cells: Mapping[tuple[int, Any], int], rows: list[int], columns: list[Any], seconds: float
) -> list[list[float]]:
    return [
        [_rounded(cells.get((row, column), 0) / 1e9 / seconds) for column in columns]
        for row in rows
    ]


def _causes(rows: Iterable[Row], seconds: float) -> list[Json]:
    """Waiting by cause and operation, the most first; null where that is not known."""
    found: dict[tuple[str | None, str | None], int] = {}
    for row in rows:
        if row.wait_ns:
            key = (
                None if row.cause is None else row.cause.label,
                None if row.operation is None else row.operation.label,
            )
            found[key] = found.get(key, 0) + row.wait_ns
    return [
        {"cause": cause, "operation": operation, "waiting": _rounded(wait / 1e9 / seconds)}
        for (cause, operation), wait in sorted(found.items(), key=lambda item: -item[1])
    ]


def _loss(interval: Snapshot) -> list[Json]:
    """What was lost in the interval; reasons with nothing lost are left out."""
    return [
        {"reason": reason, **asdict(loss), "unit": loss.unit.value}
        for reason, loss in sorted(interval.loss.items())
        if loss.count
    ]
