# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy of sharding is named from the shards that mappings got, on machines of any shape."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.tracing.placement import FEW, Placement, named, observe

#: The shard of the next mapping of a file, by CPU and how many VMAs each of its trees has.
Policy = Callable[[int, Sequence[int]], int]


def placed(policy: Policy, cpu: int, times: int, shards: int) -> list[int]:
    """What mappings of a new file get."""
    trees = [0] * shards
    given_ = []
    for _ in range(times):
        shard = policy(cpu, trees)
        trees[shard] += 1
        given_.append(shard)
    return given_


def seen(policy: Policy, node_of_cpu: Sequence[int], shards: int) -> Placement:
    few = {cpu: placed(policy, cpu, FEW, shards) for cpu in range(len(node_of_cpu))}
    many = placed(policy, 0, max(16, 2 * shards), shards)
    return named(few, many, node_of_cpu, shards)


def machine(nodes: int, cpus: int) -> list[int]:
    return [cpu // cpus for cpu in range(nodes * cpus)]


@given(st.integers(2, 12), st.integers(2, 32))
def test_a_tree_for_each_node(nodes: int, cpus: int) -> None:
    nodes_of = machine(nodes, cpus)
    found = seen(lambda cpu, _: nodes_of[cpu], nodes_of, nodes)
    assert found == Placement("node", {node: node for node in range(nodes)})


@given(st.integers(2, 12), st.integers(3, 32))
def test_two_trees_for_each_node(nodes: int, cpus: int) -> None:
    nodes_of = machine(nodes, cpus)
    found = seen(lambda cpu, _: nodes_of[cpu] * 2 + cpu % cpus % 2, nodes_of, nodes * 2)
    assert found == Placement("node", {shard: shard // 2 for shard in range(nodes * 2)})


@given(st.integers(1, 12), st.integers(2, 32))
def test_a_tree_for_each_cpu(nodes: int, cpus: int) -> None:
    nodes_of = machine(nodes, cpus)
    found = seen(lambda cpu, _: cpu, nodes_of, nodes * cpus)
    assert found == Placement("cpu", dict(enumerate(nodes_of)))


@given(st.integers(2, 12), st.integers(2, 12))
def test_as_many_trees_a_node_as_it_has_cpus_are_a_tree_for_each_cpu(nodes: int, cpus: int) -> None:
    nodes_of = machine(nodes, cpus)
    found = seen(lambda cpu, _: nodes_of[cpu] * cpus + cpu % cpus, nodes_of, nodes * cpus)
    assert found == Placement("cpu", dict(enumerate(nodes_of)))


@given(st.integers(2, 12))
def test_a_cpu_a_node_does_not_tell_its_node_from_its_number(nodes: int) -> None:
    nodes_of = machine(nodes, 1)
    found = seen(lambda cpu, _: cpu, nodes_of, nodes)
    assert found == Placement("unknown", {node: node for node in range(nodes)})


@given(st.integers(2, 6), st.integers(2, 6))
def test_one_node_does_not_tell_its_trees_from_the_number_of_the_cpu(trees: int, each: int) -> None:
    """Of node:N, or the CPU's number modulo the trees: on one node both are the same."""
    nodes_of = machine(1, trees * each)
    found = seen(lambda cpu, _: cpu % trees, nodes_of, trees)
    assert found == Placement("unknown", dict.fromkeys(range(trees), 0))


def test_cpus_that_alternate_between_nodes_have_the_tree_of_their_node() -> None:
    """Few kernels with as many trees as nodes have them for CPUs: see docs/layouts.md."""
    nodes_of = [cpu % 2 for cpu in range(16)]
    assert seen(lambda cpu, _: nodes_of[cpu], nodes_of, 2) == Placement("node", {0: 0, 1: 1})


@pytest.mark.parametrize(
    ("few", "policy"),
    [
        # Of four CPUs on each of two nodes, with four trees: two a node, or four for all in turn.
        ({0: 0, 1: 1, 4: 2, 5: 3}, "node"),
        ({0: 0, 1: 1, 4: 0, 5: 1}, "cpu"),
        ({0: 0, 1: 1, 6: 2, 7: 3}, "unknown"),
        ({0: 0, 5: 1}, "unknown"),
        ({0: 0, 4: 2}, "node"),
    ],
)
def test_what_the_cpus_that_may_be_used_do_not_show(few: dict[int, int], policy: str) -> None:
    observed = {cpu: [shard] * FEW for cpu, shard in few.items()}
    assert named(observed, [0] * 16, machine(2, 4), 4).policy == policy


def test_cpus_that_share_a_number_of_trees_have_no_home() -> None:
    nodes_of = machine(4, 16)
    found = seen(lambda cpu, _: cpu % 12, nodes_of, 12)
    assert found.policy == "cpu"
    assert found.home_nodes == {}


@given(st.integers(2, 64), st.integers(1, 4))
def test_the_emptiest_tree(shards: int, nodes: int) -> None:
    nodes_of = machine(nodes, 2)
    found = seen(lambda _, trees: trees.index(min(trees)), nodes_of, shards)
    assert found == Placement("smallest")


@given(st.integers(4, 64), st.integers(0, 1000))
def test_a_hash_follows_nothing(shards: int, seed: int) -> None:
    random = Random(seed)
    found = seen(lambda _, trees: random.randrange(len(trees)), machine(4, 2), shards)
    assert found == Placement("hash")


@pytest.mark.parametrize(
    ("few", "many", "shards"),
    [
        ({0: [0, 0, 0]}, [0] * 16, 1),
        ({0: [3, 3, 3], 1: [3, 3, 3]}, [3] * 16, 4),
        ({}, [2] * 16, 4),
        ({0: [1, 1, 1]}, [], 4),
    ],
    ids=["one-tree", "one-of-many", "no-cpu", "nothing-placed"],
)
def test_what_shows_nothing_is_not_guessed_at(
    few: dict[int, list[int]], many: list[int], shards: int
) -> None:
    assert named(few, many, [0, 0, 1, 1], shards).policy == "unknown"


def test_cpus_that_may_not_be_used_are_left_out() -> None:
    def place(cpu: int | None, times: int) -> list[int]:
        if cpu in (1, 3):
            raise OSError(22, "Invalid argument")
        return [(cpu or 0) // 2] * times

    assert observe(place, range(4), [0, 0, 1, 1], 2) == Placement("node", {0: 0, 1: 1})


def test_where_nothing_can_be_mapped_it_is_unknown_and_the_cpus_are_as_before() -> None:
    def place(cpu: int | None, times: int) -> list[int]:
        os.sched_setaffinity(0, {min(before)})
        raise OSError(12, "Cannot allocate memory")

    before = os.sched_getaffinity(0)
    assert observe(place, range(4), [0, 0, 1, 1], 2) == Placement("unknown")
    assert os.sched_getaffinity(0) == before
