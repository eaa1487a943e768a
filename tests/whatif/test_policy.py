# SPDX-License-Identifier: GPL-2.0-or-later
"""Designs as they are written, their trees and their memory; machines of another size."""

from __future__ import annotations

import numpy as np
import pytest

from immapscope.errors import UsageError
from immapscope.whatif.machine import Machine
from immapscope.whatif.policy import parse_policy

#: CPU numbers alternate between two nodes.
MACHINE = Machine(np.array([0, 1, 0, 1, 0, 1, 0, 1], np.int32))


@pytest.mark.parametrize(
    ("text", "layout", "trees", "size"),
    [
        ("single", "single", 1, 16 + 40),
        ("tree-only", "tree-only", 2, 40 + 8 + 16 + 2 * 32),
        ("node", "split", 2, 8 + 16 + 2 * 64),
        ("node:3", "split", 6, 8 + 64 + 6 * 64),
        ("smallest:5", "split", 10, 8 + 96 + 10 * 64),
        ("cpu", "split", 8, 8 + 64 + 8 * 64),
        ("hash:7", "split", 7, 8 + 64 + 7 * 64),
        ("inverted:cpu", "inverted", 8, 40 + 8 * 64),
        ("inverted:hash:3", "inverted", 3, 40 + 3 * 64),
        ("inverted:node:2", "inverted", 4, 40 + 4 * 64),
    ],
)
def test_trees_and_bytes(text: str, layout: str, trees: int, size: int) -> None:
    policy = parse_policy(text)
    assert (policy.text, policy.layout.value) == (text, layout)
    assert policy.trees(MACHINE) == trees
    assert policy.bytes_per_inode(MACHINE) == size


@pytest.mark.parametrize(
    ("text", "trees"),
    [
        ("node", [0, 1, 0, 1, 0, 1, 0, 1]),
        ("node:2", [0, 2, 1, 3, 0, 2, 1, 3]),
        ("cpu", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_trees_of_cpus(text: str, trees: list[int]) -> None:
    assert parse_policy(text).tree_of_cpu(MACHINE).tolist() == trees


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unknown policy ''; known are single, tree-only, node, node:N, smallest:N, cpu"),
        ("nodes", "unknown policy 'nodes'"),
        ("inverted", "unknown policy 'inverted'"),
        ("inverted:single", "unknown policy"),
        ("node:2:3", "unknown policy"),
        ("node:", "'' is no number from 1 to 512"),
        ("node:0", "'0' is no number"),
        ("node:\u0663", "is no number"),
        ("hash:513", "'513' is no number from 1 to 512"),
        ("hash", "say how many trees, as in hash:32"),
        ("inverted:smallest", "say how many trees, as in inverted:smallest:32"),
        ("cpu:4", "cpu takes no number"),
    ],
)
def test_what_is_no_policy_is_told(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_policy(text)


def test_more_trees_than_a_kernel_takes() -> None:
    large = Machine.scaled(np.zeros(8, np.int32), 1024, 2)
    with pytest.raises(UsageError, match="--policy cpu: 1024 trees, where at most 512 go"):
        parse_policy("cpu").trees(large)


def test_a_larger_machine() -> None:
    large = Machine.scaled(MACHINE.node_of_cpu, 384, 12)
    assert (large.cpus, large.nodes, large.copies) == (384, 12, 48)
    assert large.node_of_cpu[[0, 31, 32, 383]].tolist() == [0, 0, 1, 11]
    assert Machine.scaled(MACHINE.node_of_cpu).copies == 1


@pytest.mark.parametrize(
    ("cpus", "nodes", "why"),
    [
        (4, None, "--scale-cpus 4: not from 8, which were recorded"),
        (1 << 20, None, "to 16384"),
        (384, 7, "--scale-nodes 7: 384 CPUs do not make 7 equal nodes"),
        (None, 0, "--scale-nodes 0"),
        (None, 9, "8 CPUs do not make 9"),
    ],
)
def test_what_is_no_machine_is_told(cpus: int | None, nodes: int | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Machine.scaled(MACHINE.node_of_cpu, cpus, nodes)
