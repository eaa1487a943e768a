# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies by which a shard does not follow from the CPU alone, or of which a node has several."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import tracing
from tracing import LAYOUT, Report, is_file, new_file, trace

_ASKED = re.fullmatch(r"(smallest|hash|node):(\d+)", tracing.POLICY)
if LAYOUT == "single" or _ASKED is None:
    pytest.skip("needs i_mmap_shards=smallest:N, hash:N or node:N", allow_module_level=True)

POLICY, NUMBER = _ASKED[1], int(_ASKED[2])
NODES = len(list(Path("/sys/devices/system/node").glob("node[0-9]*")))
SHARDS = NUMBER * NODES if POLICY == "node" else NUMBER
#: From each CPU in turn, all at once.
MAPPINGS = 337

MAP_ALL = f"""
import mmap, os
file = os.open("policy", os.O_RDONLY)
maps = []
for number in range({MAPPINGS}):
    os.sched_setaffinity(0, {{number % os.cpu_count()}})
    maps.append(mmap.mmap(file, 4096, mmap.MAP_SHARED, mmap.PROT_READ))
"""


@pytest.fixture(scope="module")
def report() -> Report:
    new_file("policy")
    return trace(["--mode", "full"], [sys.executable, "-c", MAP_ALL])


def inserts(report: Report) -> dict[int, int]:
    """Of the file, by shard."""
    return {
        one["shard"]: one["inserts"]
        for one in report.document["shards"]
        if is_file(one["inode"], Path("policy").absolute()) and one["shard"] is not None
    }


def test_the_policy_is_named_with_its_trees(report: Report) -> None:
    kernel = report.document["kernel"]
    assert (kernel["shards"], kernel["shard_policy"]) == (SHARDS, POLICY)


def test_every_mapping_is_on_one_shard(report: Report) -> None:
    found = inserts(report)
    assert sum(found.values()) == MAPPINGS
    assert set(found) <= set(range(SHARDS))
    assert len(found) > 1


def cpus_of(node: int) -> list[int]:
    """Those of a node, in order."""
    folder = Path(f"/sys/devices/system/node/node{node}")
    return sorted(int(one.name[3:]) for one in folder.glob("cpu[0-9]*"))


def test_each_tree_of_a_node_has_what_its_cpus_mapped(report: Report) -> None:
    if POLICY != "node":
        pytest.skip("of node:N alone")
    # A node's CPUs take turns over its trees.
    tree = {
        cpu: node * NUMBER + place % NUMBER
        for node in range(NODES)
        for place, cpu in enumerate(cpus_of(node))
    }
    expected = Counter(tree[number % len(tree)] for number in range(MAPPINGS))
    assert inserts(report) == expected


def test_the_emptiest_tree_is_taken_each_time(report: Report) -> None:
    if POLICY != "smallest":
        pytest.skip("of smallest alone")
    found = inserts(report)
    assert len(found) == SHARDS
    assert max(found.values()) - min(found.values()) <= 1


def test_home_nodes_are_known_where_a_shard_has_one(report: Report) -> None:
    homes = {
        one["shard"]: one["home_node"]
        for one in report.document["shards"]
        if is_file(one["inode"], Path("policy").absolute()) and one["shard"] is not None
    }
    if POLICY != "node":
        assert set(homes.values()) == {None}
        return
    of_node = [list(homes.values()).count(node) for node in range(NODES)]
    assert of_node == [NUMBER] * NODES


def test_the_law_holds(report: Report) -> None:
    assert report.law() == {"acquisitions": 0, "waits": 0}
    assert report.lost("acquisitions") == 0
