# SPDX-License-Identifier: GPL-2.0-or-later
"""The exec storm that started it all, as the demo shows it."""

from __future__ import annotations

import pytest
from tracing import Report, trace

pytestmark = pytest.mark.core

STORM = ["./execstorm", "16", "8", "/usr/bin/true"]


@pytest.fixture(scope="module")
def storm() -> Report:
    return trace(["--by", "inode,node"], STORM)


def waited(report: Report) -> dict[str, float]:
    by_file: dict[str, float] = {}
    for row in report.rows():
        if row["inode"]:
            name = row["inode"]["name"]
            by_file[name] = by_file.get(name, 0.0) + row["wait_seconds"]
    return by_file


def test_libc_and_the_dynamic_loader_lead(storm: Report) -> None:
    leaders = sorted(waited(storm).items(), key=lambda item: -item[1])[:2]
    assert {name for name, _ in leaders} == {"libc.so.6", "ld-linux-x86-64.so.2"}


def test_all_four_nodes_wait(storm: Report) -> None:
    waiting = {row["node"] for row in storm.rows() if row["contended"]}
    assert waiting == {0, 1, 2, 3}


def test_execs_are_counted_for_the_whole_machine(storm: Report) -> None:
    assert storm.document["totals"]["execs"] >= 16


def test_it_reconciles(storm: Report) -> None:
    assert storm.law() == {"acquisitions": 0, "waits": 0}
    assert storm.lost("acquisitions") == 0
    assert storm.lost("waits") == 0
