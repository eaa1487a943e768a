# SPDX-License-Identifier: GPL-2.0-or-later
"""Two agents at once see the same: one in full mode, one in contention mode, over one storm."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from tracing import Json, Report, new_file, trace

#: Long enough that hundreds of waits end while spinning; how many is for the machine to say.
COUNT = 6000


@dataclass(frozen=True)
class Both:
    full: Report
    contention: Report
    file: Path


@pytest.fixture(scope="module")
def both() -> Both:
    file = new_file("agreed")
    tasks = " ".join(
        f"./treeops {cpu} {file} {what} {COUNT // 5 if what == 'mprotect' else COUNT} &"
        for cpu, what in enumerate(["map", "fixed", "mprotect", "mremap"] * 2)
    )
    inner = [
        "immapscope", "trace", "--mode", "contention", "--format", "json",
        "--output", "inner.json", "--inode", file.name, "--", "sh", "-c", f"{tasks} wait",
    ]  # fmt: skip
    # By name: of a path the inner agent would map the file once, which the outer would count.
    full = trace(["--mode", "full", "--inode", file.name], inner)
    return Both(full, Report(json.loads(Path("inner.json").read_text())), file)


def by_key(report: Report) -> Counter[tuple[object, ...]]:
    counts: Counter[tuple[object, ...]] = Counter()
    for row in report.rows():
        counts[key_of(row)] += row["contended"]
    return +counts


def key_of(row: Json) -> tuple[object, ...]:
    return row["node"], row["operation"], row["cause"]


def test_contended_waits_agree_by_node_operation_and_cause(both: Both) -> None:
    assert by_key(both.full) == by_key(both.contention)
    assert sum(by_key(both.full).values()) > 20


def test_wait_times_agree(both: Both) -> None:
    full = both.full.document["totals"]["wait_seconds"]
    contention = both.contention.document["totals"]["wait_seconds"]
    assert full == pytest.approx(contention, rel=0.05)


def test_tree_operations_agree(both: Both) -> None:
    assert both.full.tree_operations(both.file) == both.contention.tree_operations(both.file)


def test_both_reconcile(both: Both) -> None:
    assert both.full.law() == {"acquisitions": 0, "waits": 0}
    assert both.contention.law() == {"waits": 0}


def test_waits_that_end_while_spinning_are_seen(both: Both) -> None:
    # Never queued: the whole wait is spin. lock:contention_begin tells of none of these.
    spinning = [
        row
        for row in both.contention.rows()
        if row["contended"] and row["spin_seconds"] and row["wait_seconds"] > 0
    ]
    assert spinning
    assert sum(row["spin_seconds"] for row in spinning) > 0
