# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that no kernel made: JSON of `trace` whose waits scatter as those of repeated runs do."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

Plain = dict[str, Any]


def run(scale: float = 1.0, name: str = "libc.so.6", **changed: Any) -> Plain:
    """Two nodes, two operations, 1,000 tree operations, 2 ms of waiting for each times `scale`."""
    inode = {"device": "254:0", "number": 7, "generation": 1, "name": name, "path": None}
    rows = []
    for node, operation, cause, wait in (
        (0, "insert", "mmap", 0.8), (1, "insert", "exec", 0.6), (1, "remove", "exit", 0.6),
    ):  # fmt: skip
        rows.append(
            {
                "inode": inode, "node": node, "operation": operation, "cause": cause,
                "acquisitions": 400, "contended": 100, "interrupted": 0,
                "wait_seconds": wait * scale, "wait_seconds_max": 0.03 * scale,
                "wait_buckets": {"le": [0.001, 0.008], "count": [10, 60, 30]},
            }
        )  # fmt: skip
    changes = [
        {
            "inode": inode,
            "shard": 0,
            "node": node,
            "inserts": 300,
            "inserts_after": 0,
            "removes": 200,
        }
        for node in (0, 1)
    ]
    document: Plain = {
        "schema": 1,
        "kernel": {
            "release": "6.12.1", "layout": "single", "shards": 1, "shard_policy": None,
            "attach": "mixed", "nodes": 2, "cpus": 4,
        },
        "mode": "full", "started": "2026-06-11T12:00:00Z", "duration_seconds": 10.0,
        "by": ["inode", "shard", "node", "holder", "operation", "cause"],
        "rows": rows, "tree_operations": changes, "shards": [], "sweeps": [],
        "loss": {"exit_missed": {"unit": "waits", "count": 0, "upper_bound": False}},
        "totals": {
            "acquisitions": 1200, "failed_trylocks": 0, "contended": 300, "interrupted": 0,
            "wait_seconds": 2.0 * scale, "execs": 50, "forks": 50,
        },
    }  # fmt: skip
    return {**document, **changed}


def side(
    folder: Path, count: int, random: Random, scale: float = 1.0, scatter: float = 0.05
) -> Path:
    """A folder with so many runs, lognormal around `scale`."""
    folder.mkdir()
    for number in range(count):
        scattered = scale * random.lognormvariate(0, scatter)
        (folder / f"{number}.json").write_text(json.dumps(run(scattered)))
    return folder
