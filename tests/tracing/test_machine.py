# SPDX-License-Identifier: GPL-2.0-or-later
"""CPUs and nodes as sysfs tells of them, with all that may be missing or have holes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.errors import CannotTraceError
from immapscope.tracing.machine import Machine


def cpu_list(cpus: Iterable[int]) -> str:
    """As the kernel prints it (lib/bitmap-str.c, "%*pbl"): ranges and single numbers."""
    parts = []
    for _, members in groupby(enumerate(sorted(cpus)), lambda pair: pair[1] - pair[0]):
        run = [cpu for _, cpu in members]
        parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ",".join(parts) + "\n"


def sysfs(
    root: Path,
    *,
    possible: Iterable[int],
    online: Iterable[int],
    nodes: Mapping[int, Iterable[int]] | None,
    links: Mapping[int, int] | None = None,
) -> Path:
    """A sysfs of that machine; `nodes` None is a kernel without NUMA.

    `nodes` has the CPUs that are online; `links` the node of each CPU that is plugged in.
    """
    cpu = root / "devices/system/cpu"
    cpu.mkdir(parents=True)
    (cpu / "possible").write_text(cpu_list(possible))
    (cpu / "online").write_text(cpu_list(online))
    for node, cpus in (nodes or {}).items():
        folder = root / f"devices/system/node/node{node}"
        folder.mkdir(parents=True)
        (folder / "cpulist").write_text(cpu_list(cpus))
    for number, node in (links or {}).items():
        folder = cpu / f"cpu{number}"
        folder.mkdir()
        (folder / "topology").mkdir()
        (folder / f"node{node}").symlink_to(f"../../node/node{node}")
    if nodes is not None:
        (root / "devices/system/node").mkdir(exist_ok=True)
        (root / "devices/system/node/possible").write_text(cpu_list(nodes))
    return root


def test_four_nodes_of_two(tmp_path: Path) -> None:
    nodes = {node: [2 * node, 2 * node + 1] for node in range(4)}
    machine = Machine.from_sysfs(sysfs(tmp_path, possible=range(8), online=range(8), nodes=nodes))
    assert machine.node_of_cpu == (0, 0, 1, 1, 2, 2, 3, 3)
    assert (machine.cpus, machine.online, machine.nodes, machine.populated_nodes) == (8, 8, 4, 4)


def test_a_kernel_without_numa_has_one_node(tmp_path: Path) -> None:
    machine = Machine.from_sysfs(sysfs(tmp_path, possible=[0], online=[0], nodes=None))
    assert (machine.node_of_cpu, machine.nodes, machine.populated_nodes) == ((0,), 1, 1)


def test_node_numbers_may_have_holes_and_node_0_no_cpu(tmp_path: Path) -> None:
    nodes = {0: [], 2: [0, 2], 8: [1, 3]}
    machine = Machine.from_sysfs(sysfs(tmp_path, possible=range(4), online=range(4), nodes=nodes))
    assert machine.node_of_cpu == (2, 8, 2, 8)
    assert (machine.nodes, machine.populated_nodes) == (9, 2)


def test_a_node_of_memory_only_takes_no_room(tmp_path: Path) -> None:
    machine = Machine.from_sysfs(
        sysfs(tmp_path, possible=range(2), online=range(2), nodes={0: [0, 1], 5: []})
    )
    assert (machine.nodes, machine.populated_nodes) == (1, 1)


def test_a_cpu_that_is_offline_has_room_but_is_not_counted(tmp_path: Path) -> None:
    machine = Machine.from_sysfs(
        sysfs(tmp_path, possible=range(128), online=[1, 3], nodes={0: [], 1: [1, 3]})
    )
    assert (machine.cpus, machine.online) == (128, 2)
    assert machine.populated_nodes == 1
    assert machine.nodes == 2


def test_a_cpu_that_is_offline_is_on_the_node_that_it_will_come_back_on(tmp_path: Path) -> None:
    machine = Machine.from_sysfs(
        sysfs(
            tmp_path,
            possible=range(6),
            online=[0, 1, 2],
            nodes={0: [0, 1], 1: [2]},
            # CPU 3 was taken offline, with it all of node 2; 5 was never there.
            links={0: 0, 1: 0, 2: 1, 3: 1, 4: 2},
        )
    )
    assert machine.node_of_cpu == (0, 0, 1, 1, 2, 0)
    # Room for when node 2 comes back, though nobody is on it now.
    assert (machine.nodes, machine.populated_nodes, machine.online) == (3, 2, 3)


def test_where_a_link_and_the_nodes_list_differ_the_list_is_right(tmp_path: Path) -> None:
    # As while a CPU moves: the list is made from what the scheduler goes by.
    machine = Machine.from_sysfs(
        sysfs(tmp_path, possible=[0, 1], online=[0, 1], nodes={0: [0], 1: [1]}, links={0: 0, 1: 0})
    )
    assert machine.node_of_cpu == (0, 1)


@st.composite
def topologies(draw: st.DrawFn) -> tuple[dict[int, int], set[int], set[int]]:
    """(node by CPU, those that are plugged in, of these those that are online), with holes."""
    cpus = draw(st.sets(st.integers(0, 300), min_size=1, max_size=40))
    node_of = {cpu: draw(st.integers(0, 12)) for cpu in cpus}
    plugged = draw(st.sets(st.sampled_from(sorted(cpus)), min_size=1))
    online = draw(st.sets(st.sampled_from(sorted(plugged)), min_size=1))
    return node_of, plugged, online


@settings(max_examples=30)
@given(topologies())
def test_every_cpu_that_is_plugged_in_is_on_its_node(
    topology: tuple[dict[int, int], set[int], set[int]],
) -> None:
    node_of, plugged, online = topology
    # The kernel lists CPUs that are online under their nodes, and no others.
    nodes: dict[int, list[int]] = {}
    for cpu in online:
        nodes.setdefault(node_of[cpu], []).append(cpu)
    with TemporaryDirectory() as folder:
        links = {cpu: node_of[cpu] for cpu in plugged}
        machine = Machine.from_sysfs(
            sysfs(Path(folder), possible=node_of, online=online, nodes=nodes, links=links)
        )
    assert {cpu: machine.node_of_cpu[cpu] for cpu in plugged} == links
    assert machine.cpus == max(node_of) + 1
    assert machine.online == len(online)
    assert machine.nodes == max(links.values()) + 1
    assert machine.populated_nodes == len(nodes)


@pytest.mark.parametrize("text", ["", "\n", "0-\n", "x\n"])
def test_a_sysfs_that_says_nothing_is_one_clear_line(tmp_path: Path, text: str) -> None:
    root = sysfs(tmp_path, possible=[0], online=[0], nodes=None)
    (root / "devices/system/cpu/possible").write_text(text)
    if text == "0-\n":
        assert Machine.from_sysfs(root).cpus == 1
        return
    with pytest.raises(CannotTraceError, match="does not say which CPUs"):
        Machine.from_sysfs(root)


def test_no_sysfs_at_all_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CannotTraceError, match="mount sysfs"):
        Machine.from_sysfs(tmp_path)
