# SPDX-License-Identifier: GPL-2.0-or-later
"""Twelve nodes, as in the thread that all this came from: each keeps to its own shards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tracing import LAYOUT, Report, is_file, new_file, trace

NODES = len(list(Path("/sys/devices/system/node").glob("node[0-9]*")))
CPUS = os.cpu_count() or 1
TRUNCATIONS = 97

if LAYOUT not in ("split", "inverted") or NODES < 12:
    pytest.skip("needs twelve nodes and locks of trees", allow_module_level=True)


@pytest.fixture(scope="module")
def storm() -> Report:
    swept = new_file("swept")
    mapping = " ".join(f"./treeops {2 * node} {swept} map 401 &" for node in range(NODES))
    truncating = f"./treeops 1 {swept} truncate {TRUNCATIONS} &"
    execs = "./execstorm 24 15 /usr/bin/true"
    options = ["--mode", "full", "--inode", "libc.so", "--inode", str(swept)]
    return trace(options, ["sh", "-c", f"{mapping} {truncating} {execs}; wait"])


def test_each_node_has_a_shard_or_each_cpu(storm: Report) -> None:
    kernel = storm.document["kernel"]
    expected = (NODES, "node") if LAYOUT == "split" else (CPUS, "cpu")
    assert (kernel["nodes"], (kernel["shards"], kernel["shard_policy"])) == (NODES, expected)


def test_each_node_maps_libc_into_shards_of_its_own(storm: Report) -> None:
    homes = {
        one["shard"]: one["home_node"]
        for one in storm.document["shards"]
        if one["inode"]["name"] == "libc.so.6" and one["shard"] is not None
    }
    assert set(homes.values()) == set(range(NODES))
    inserts = [
        (one["node"], homes[one["shard"]], one["inserts"])
        for one in storm.document["tree_operations"]
        if one["inode"]["name"] == "libc.so.6" and one["inserts"]
    ]
    at_home = sum(count for node, home, count in inserts if node == home)
    # Between the choice of the tree and its change a task may be moved to another node.
    assert at_home >= 0.95 * sum(count for _, _, count in inserts) > 0
    assert {node for node, _, _ in inserts} == set(range(NODES))


def test_a_truncation_pays_for_every_shard(storm: Report) -> None:
    file = Path("swept").absolute()
    sweeps = [one for one in storm.document["sweeps"] if is_file(one["inode"], file)]
    walks = storm.rows(file, operation="walk")
    waited = sum(row["wait_seconds"] for row in walks)
    if LAYOUT == "inverted":
        assert sweeps == []
        assert {row["shard"] for row in walks} == {None}
        return
    (sweep,) = sweeps
    assert sweep["count"] >= 2 * TRUNCATIONS
    assert sum(row["acquisitions"] for row in walks) == NODES * sweep["count"]
    assert sweep["wait_seconds"] == pytest.approx(waited, rel=1e-6)
    assert waited > 0


def test_the_law_holds(storm: Report) -> None:
    assert storm.law() == {"acquisitions": 0, "waits": 0}
    assert storm.lost("acquisitions") == 0


def test_the_tables_fit_a_terminal() -> None:
    command = "stty cols 80; immapscope trace -- ./execstorm 24 5 /usr/bin/true 2> /dev/null"
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        env={**os.environ, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert any(line.startswith("libc.so.6 ") for line in lines)
    assert any("by the waiter's node" in line for line in lines)
    assert max(map(len, lines)) <= 80
