# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.dashboards.series: how many series a host of 384 CPUs and 12 nodes makes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Final

from immapscope.exporter import Exporter, Limits, Status
from immapscope.snapshot import Mode, Row, Snapshot, TreeOperations
from tests.synthetic import machine

FILES: Final = 200
SHARDS: Final = 12


def storm(shards: int) -> Snapshot:
    """An exec storm; with several shards a node waits for its own and, at random, for another."""
    random = Random(1)
    one = machine(files=FILES, mode=Mode.CONTENTION)
    rows: list[Row] = []
    for row in one.rows:
        of_row = {(row.node or 0) % shards, random.randrange(shards)}
        rows += [replace(row, shard=shard) for shard in sorted(of_row)]
    inodes = dict.fromkeys(row.inode for row in rows)
    trees = [TreeOperations(i, shard, 0, 10, 3, 9) for i in inodes for shard in range(shards)]
    return replace(one, rows=tuple(rows), tree_operations=tuple(trees))


def main() -> None:
    """Prints the rows of the table in docs/monitoring.md."""
    for name, shards in (("one tree", 1), (f"{SHARDS} shards", SHARDS)):
        for most in (10_000, 50_000):
            exporter = Exporter(Limits(max_series=most))
            exporter.observe(storm(shards), Status(FILES, 20, 0.0, config_reload_successful=True))
            lines = [
                line
                for line in exporter.pages.text.decode().splitlines()
                if line.startswith("immap_")
            ]
            files = Counter(
                (file[1], inode[1])
                for line in lines
                if (file := re.search(r'file="([^"]*)"', line))
                and (inode := re.search(r'inode="([^"]+)"', line))
            )
            plain, gzipped = len(exporter.pages.text), len(exporter.pages.text_gzip)
            print(
                f"| {name} | {max(files.values())} | {most:,} | {len(lines):,} | {len(files)} |"
                f" {plain / 1e6:.1f} MB / {gzipped / 1e3:.0f} kB |"
            )


if __name__ == "__main__":
    main()
