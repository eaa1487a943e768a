# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon where a file has several trees: what each has, also those that nobody waits for."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon, Scrape, daemon, inode_label, until
from shard_storm import COUNTS
from tracing import LAYOUT, new_file, shard_of

if LAYOUT == "single":
    pytest.skip("this kernel has one tree a file", allow_module_level=True)

#: What is waited for there, a change by the walk's hold, or by another change on the same shard.
LOAD = ("20000", "1", *(f"{cpu}:0" for cpu in COUNTS))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("daemon")) as started:
        yield started


def map_on_each_cpu(file: Path) -> None:
    """One CPU after the other, so that nobody waits for anybody."""
    for cpu, count in COUNTS.items():
        subprocess.run(["./treeops", str(cpu), str(file), "map", str(count)], check=True)


def changes(scrape: Scrape, file: Path, operation: str) -> Counter[str]:
    """By the label `shard`."""
    found = scrape.of("immap_tree_operations_total", inode=inode_label(file), operation=operation)
    return Counter({dict(labels)["shard"]: int(value) for (_, labels), value in found.items()})


def expected() -> Counter[str]:
    """What each shard gets of `map_on_each_cpu`, as the policy chooses."""
    by_shard: Counter[str] = Counter()
    for cpu, count in COUNTS.items():
        by_shard[str(shard_of(cpu))] += count
    return by_shard


def test_a_file_that_nobody_waits_for_has_no_series(running: Daemon) -> None:
    file = new_file("trees-unknown")
    map_on_each_cpu(file)
    assert not changes(running.after_readings(2), file, "insert")


def test_once_somebody_waits_each_tree_has_its_changes(running: Daemon) -> None:
    file = new_file("trees-known")
    load = subprocess.Popen(["./paced", str(file), *LOAD])
    try:
        until(
            lambda: running.after_readings(1).sum(
                "immap_contended_total", inode=inode_label(file)
            ) > 0,
            180,
        )  # fmt: skip
    finally:
        load.kill()
        load.wait()
    # Its tasks go with it, and each unmaps what it has mapped.
    until(lambda: subprocess.run(["pgrep", "paced"], stdout=subprocess.DEVNULL).returncode == 1)
    before = running.after_readings(2)
    map_on_each_cpu(file)
    after = running.after_readings(2)
    for operation in ("insert", "remove"):
        new = changes(after, file, operation)
        new.subtract(changes(before, file, operation))
        assert {shard: count for shard, count in new.items() if count} == expected()
    assert after.sum("immap_lost_events_total") == before.sum("immap_lost_events_total")
