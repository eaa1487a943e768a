# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine under the kernel: CPUs and the NUMA nodes that they belong to, read from sysfs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")


@dataclass(frozen=True, slots=True)
class Machine:
    """`node_of_cpu[cpu]` for every possible CPU; `online` CPUs; `nodes` is the highest node + 1."""

    node_of_cpu: tuple[int, ...]
    online: int

    @property
    def cpus(self) -> int:
        """Possible CPUs: what an array indexed by CPU needs room for."""
        return len(self.node_of_cpu)

    @property
    def nodes(self) -> int:
        """What an array indexed by node needs room for."""
        return max(self.node_of_cpu) + 1

    @property
    def populated_nodes(self) -> int:
        """Nodes that have a CPU."""
        return len(set(self.node_of_cpu))

    @classmethod
    def from_sysfs(cls, root: Path = SYSFS) -> Machine:
        """Reads `root`; a kernel without NUMA has no node folders and everything is node 0."""
        cpu_root = root / "devices/system/cpu"
        possible = _cpu_list((cpu_root / "possible").read_text())
        online = _cpu_list((cpu_root / "online").read_text())
        nodes = [0] * (max(possible) + 1)
        for folder in (root / "devices/system/node").glob("node[0-9]*"):
            for cpu in _cpu_list((folder / "cpulist").read_text()):
                if cpu < len(nodes):
                    nodes[cpu] = int(folder.name.removeprefix("node"))
        return cls(tuple(nodes), len(online))


def _cpu_list(text: str) -> list[int]:
    return [cpu for part in text.strip().split(",") if part for cpu in _cpu_range(part)]


def _cpu_range(part: str) -> Iterator[int]:
    first, _, last = part.partition("-")
    yield from range(int(first), int(last or first) + 1)
