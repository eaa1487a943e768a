# SPDX-License-Identifier: GPL-2.0-or-later
"""Intervals of machines with many nodes, shards and files, and what a scrape of them says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from immapscope.exporter import Exporter, Limits, Status
from immapscope.exporter.machine import SINGLE_LINES
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Inode, Mode, Row, Snapshot, TreeOperations
from tests.synthetic import KERNEL, contended_row, snapshot_of

STATUS: Final = Status(
    tracked_inodes=12,
    probes_attached=9,
    snapshot_time=1_781_181_030.25,
    config_reload_successful=True,
)
MS: Final = 1_000_000
#: Sample lines of a file with one wait: wait, spin, contended, cause, holder, a histogram of 27.
ONE_WAIT: Final = 32
_CAUSES: Final = list(Cause)


def inode(number: int, name: str | None = None, generation: int = 7) -> Inode:
    return Inode("254:0", number, generation, name or f"lib{number}.so")


def wait(
    of: Inode | None, wait_ns: int, *, shard: int = 0, node: int = 0, holder_node: int | None = 0
) -> Row:
    """One wait of a writer that spun to its end."""
    row = contended_row(
        of,
        node,
        Operation.INSERT,
        Cause.MMAP,
        [wait_ns],
        holder_node=holder_node,
        spin_ns=wait_ns,
    )
    return replace(row, shard=shard)


def everywhere(of: Inode | None, wait_ns: int, nodes: int, shards: int) -> Iterator[Row]:
    """A wait on every node, for every shard and none, for every operation."""
    one = wait(of, wait_ns)
    places = product((None, *range(shards)), range(nodes), Operation)
    for index, (shard, node, operation) in enumerate(places):
        cause = _CAUSES[index % len(_CAUSES)]
        holder = index // len(_CAUSES) % nodes
        yield replace(
            one, shard=shard, node=node, operation=operation, cause=cause, holder_node=holder
        )


def interval(
    rows: Iterable[Row] = (),
    *,
    mode: Mode = Mode.CONTENTION,
    trees: Iterable[TreeOperations] = (),
) -> Snapshot:
    """Fifteen seconds."""
    lawful = snapshot_of(rows, mode=mode)
    return replace(lawful, duration_ns=15_000_000_000, tree_operations=tuple(trees))


def large_interval(files: int, *, nodes: int, shards: int, everywhere_files: int = 8) -> Snapshot:
    """Each file has a wait on two nodes and tree operations; some are waited for everywhere."""
    one = wait(None, 2 * MS)
    rows: list[Row] = []
    trees = []
    for number in range(1, files + 1):
        of = inode(number)
        first, second = number % shards, number % nodes
        rows.append(replace(one, inode=of, shard=first, node=second, wait_ns=2 * MS + number))
        rows.append(replace(one, inode=of, shard=second % shards, node=first % nodes))
        trees.append(TreeOperations(of, first, second, 3, 2, 1))
    for number in range(1, everywhere_files + 1):
        rows.extend(everywhere(inode(number), 1000 * MS // number, nodes, shards))
    kernel = replace(KERNEL, nodes=nodes, shards=shards, layout="split", shard_policy="node")
    return replace(interval(rows, trees=trees), kernel=kernel)


def room_for(files: int) -> int:
    """The limit at which so many files with one wait have series, and `other` too."""
    return SINGLE_LINES + (files + 1) * ONE_WAIT


def an_exporter(max_series: int = 10_000, remembered_files: int = 10_000) -> Exporter:
    return Exporter(Limits(max_series, remembered_files))


def samples(exporter: Exporter) -> list[Sample]:
    """Every immap_* sample of the text format."""
    return _parsed(exporter.pages.text)


@lru_cache(maxsize=2)
def _parsed(page: bytes) -> list[Sample]:
    return [
        sample
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.name.startswith("immap_")
    ]


def value(exporter: Exporter, name: str, **labels: str) -> float | None:
    """The sum of the samples of this name that have these labels, None where there is none."""
    found = [
        sample.value
        for sample in samples(exporter)
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


def named_files(exporter: Exporter) -> set[str]:
    """The files that have series of their own."""
    return {
        sample.labels["file"]
        for sample in samples(exporter)
        if sample.labels.get("inode", "") != ""
    }


def lines(page: bytes) -> int:
    """The sample lines of immap_* in a page."""
    return sum(line.startswith(b"immap_") for line in page.splitlines())
