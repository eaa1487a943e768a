# SPDX-License-Identifier: GPL-2.0-or-later
"""Schema 1: one JSON document on one line, so that `--interval` gives JSON lines.

Pure ASCII. Names are decoded with surrogateescape and written as JSON escapes:
`os.fsencode(json.loads(document)["rows"][0]["inode"]["name"])` is the name's bytes. Times are
seconds. null is unknown or not measured; a key that was not grouped by is absent.

`wait_buckets.le` holds the finite upper bounds in seconds, `wait_buckets.count` one count more:
the last is of waits longer than every bound. A row with `rest_of` sums that many rows which
`--top` left out. Beyond the schema: `deleted` in an inode, `tree_operations`, `notes`, `command`:
the words of what was run, and the kernel's `learnt_from`: tree operations that an unknown layout
was learnt from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from immapscope.grouping import GroupedRow, Key
from immapscope.snapshot import (
    WAIT_BUCKET_BOUNDS_NS,
    Inode,
    KernelFacts,
    Loss,
    PerUnit,
    Shard,
    Snapshot,
    Sweep,
    Totals,
    TreeOperations,
)

SCHEMA: Final = 1

Value = dict[str, object]

_LE: Final = [bound / 1e9 for bound in WAIT_BUCKET_BOUNDS_NS]


def document(snapshot: Snapshot, rows: Sequence[GroupedRow], keys: Sequence[Key]) -> str:
    """The document with these rows of the snapshot, which were grouped by `keys`."""
    value: Value = {
        "schema": SCHEMA,
        "kernel": _kernel(snapshot.kernel),
        "mode": snapshot.mode.value,
        "started": timestamp(snapshot.started),
        "duration_seconds": seconds(snapshot.duration_ns),
        "by": [key.value for key in keys],
        "rows": [_row(row, keys) for row in rows],
        "shards": [_shard(shard) for shard in snapshot.shards],
        "sweeps": [_sweep(sweep) for sweep in snapshot.sweeps],
        "loss": {reason: _loss(loss) for reason, loss in sorted(snapshot.loss.items())},
        "entered": _per_unit(snapshot.entered),
        "in_flight": _per_unit(snapshot.in_flight),
        "boundary": snapshot.boundary,
        "totals": _totals(snapshot.totals),
        "tree_operations": [_tree_operations(changes) for changes in snapshot.tree_operations],
        "notes": list(snapshot.notes),
        "command": None if snapshot.command is None else list(snapshot.command),
    }
    return json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n"


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def seconds(ns: int) -> float:
    """Nanoseconds as the nearest float of seconds."""
    return ns / 1e9


def _seconds_if_known(ns: int | None) -> float | None:
    return None if ns is None else seconds(ns)


def _kernel(kernel: KernelFacts) -> Value:
    return {
        "release": kernel.release,
        "layout": kernel.layout,
        "shards": kernel.shards,
        "shard_policy": kernel.shard_policy,
        "attach": kernel.attach,
        "nodes": kernel.nodes,
        "cpus": kernel.cpus,
        "learnt_from": kernel.learnt_from,
    }


def _inode(inode: Inode | None) -> Value | None:
    if inode is None:
        return None
    return {
        "device": inode.device,
        "number": inode.number,
        "generation": inode.generation,
        "name": inode.name,
        "path": inode.path,
        "deleted": inode.deleted,
    }


def _row(row: GroupedRow, keys: Sequence[Key]) -> Value:
    of_key: dict[Key, Value] = {
        Key.INODE: {"inode": _inode(row.inode)},
        Key.SHARD: {"shard": row.shard},
        Key.NODE: {"node": row.node},
        Key.HOLDER: {
            "holder_kind": row.holder_kind.value if row.holder_kind else None,
            "holder_node": row.holder_node,
        },
        Key.OPERATION: {"operation": row.operation.label if row.operation else None},
        Key.CAUSE: {"cause": row.cause.label if row.cause else None},
    }
    value: Value = {}
    for key in Key:
        if key in keys:
            value.update(of_key[key])
    value |= {
        "acquisitions": row.acquisitions,
        "contended": row.contended,
        "interrupted": row.interrupted,
        "wait_seconds": seconds(row.wait_ns),
        "spin_seconds": _seconds_if_known(row.spin_ns),
        "wait_seconds_max": seconds(row.wait_max_ns),
        "hold_seconds": _seconds_if_known(row.hold_ns),
        "wait_buckets": (
            None if row.wait_buckets is None else {"le": _LE, "count": list(row.wait_buckets)}
        ),
    }
    if row.rest_of:
        value["rest_of"] = row.rest_of
    return value


def _shard(shard: Shard) -> Value:
    return {
        "inode": _inode(shard.inode),
        "shard": shard.shard,
        "home_node": shard.home_node,
        "vmas": shard.vmas,
        "inserts": shard.inserts,
        "inserts_after": shard.inserts_after,
        "removes": shard.removes,
        "contended": shard.contended,
        "wait_seconds": seconds(shard.wait_ns),
    }


def _sweep(sweep: Sweep) -> Value:
    return {
        "inode": _inode(sweep.inode),
        "count": sweep.count,
        "wait_seconds": seconds(sweep.wait_ns),
    }


def _tree_operations(changes: TreeOperations) -> Value:
    return {
        "inode": _inode(changes.inode),
        "shard": changes.shard,
        "node": changes.node,
        "inserts": changes.inserts,
        "inserts_after": changes.inserts_after,
        "removes": changes.removes,
    }


def _loss(loss: Loss) -> Value:
    return {"unit": loss.unit.value, "count": loss.count, "upper_bound": loss.upper_bound}


def _per_unit(counts: PerUnit) -> Value:
    return {"acquisitions": counts.acquisitions, "waits": counts.waits}


def _totals(totals: Totals) -> Value:
    return {
        "acquisitions": totals.acquisitions,
        "failed_trylocks": totals.failed_trylocks,
        "contended": totals.contended,
        "interrupted": totals.interrupted,
        "wait_seconds": seconds(totals.wait_ns),
        "execs": totals.execs,
        "forks": totals.forks,
    }
