# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that no kernel made: JSON of `trace` whose waits scatter as those of repeated runs do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from immapscope.comparing.runs import Document, Run

Plain = dict[str, Any]


def run(scale: float = 1.0, name: str = "libc.so.6", **changed: Any) -> Plain:
    """Two nodes, two operations, 1,000 tree operations, 2 ms of waiting for each times `scale`."""
    rows = [
        row(name, 0, "insert", "mmap", 0.8 * scale),
        row(name, 1, "insert", "exec", 0.6 * scale),
        row(name, 1, "remove", "exit", 0.6 * scale),
    ]
    return {**document(rows, [changes(name, node, 500) for node in (0, 1)]), **changed}


def of_files(waits: Mapping[str, float], counts: Mapping[str, int] | None = None) -> Plain:
    """Each file waits so many seconds, by 1,000 tree operations or as many as `counts` says."""
    return document(
        [row(name, 0, "insert", "mmap", wait) for name, wait in waits.items()],
        [changes(name, 0, (counts or {}).get(name, 1000)) for name in waits],
    )


def row(name: str | None, node: int, operation: str, cause: str, wait: float) -> Plain:
    """400 acquisitions of which 100 waited, or none where there was no wait at all."""
    waited = wait > 0
    return {
        "inode": None if name is None else _inode(name),
        "node": node, "operation": operation, "cause": cause if waited else None,
        "acquisitions": 400, "contended": 100 if waited else 0, "interrupted": 0,
        "wait_seconds": wait, "wait_seconds_max": wait / 25,
        "wait_buckets": {"le": [0.001, 0.008], "count": [10, 60, 30]} if waited else None,
    }  # fmt: skip


def changes(name: str, node: int, count: int) -> Plain:
    """So many tree operations of a file by one node."""
    return {
        "inode": _inode(name), "shard": 0, "node": node,
        "inserts": count // 2, "inserts_after": 0, "removes": count - count // 2,
    }  # fmt: skip


def document(rows: Iterable[Plain], tree_operations: Iterable[Plain]) -> Plain:
    """What `trace` prints of these; 50 execs."""
    rows = list(rows)
    return {
        "schema": 1,
        "kernel": {
            "release": "6.12.1", "layout": "single", "shards": 1, "shard_policy": None,
            "attach": "mixed", "nodes": 2, "cpus": 4,
        },
        "mode": "full", "started": "2026-06-11T12:00:00Z", "duration_seconds": 10.0,
        "by": ["inode", "shard", "node", "holder", "operation", "cause"],
        "rows": rows, "tree_operations": list(tree_operations), "shards": [], "sweeps": [],
        "loss": {"exit_missed": {"unit": "waits", "count": 0, "upper_bound": False}},
        "totals": {
            "acquisitions": sum(one["acquisitions"] for one in rows), "failed_trylocks": 0,
            "contended": sum(one["contended"] for one in rows), "interrupted": 0,
            "wait_seconds": sum(one["wait_seconds"] for one in rows), "execs": 50, "forks": 50,
        },
    }  # fmt: skip


def read(made: Plain) -> Run:
    """As `compare` has it."""
    return Run("made", Document.model_validate({**made, "schema_": 1}))


def side(
    folder: Path, count: int, random: Random, scale: float = 1.0, scatter: float = 0.05
) -> Path:
    """A folder with so many runs, lognormal around `scale`."""
    folder.mkdir()
    for number in range(count):
        scattered = scale * random.lognormvariate(0, scatter)
        (folder / f"{number}.json").write_text(json.dumps(run(scattered)))
    return folder


def _inode(name: str) -> Plain:
    return {"device": "254:0", "number": 7, "generation": 1, "name": name, "path": None}
