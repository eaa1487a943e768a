# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine under the kernel: CPUs and the NUMA nodes that they belong to, read from sysfs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from immapscope.errors import CannotTraceError

SYSFS = Path("/sys")


@dataclass(frozen=True, slots=True)
class Machine:
    """The node of every possible CPU, and which of them are online."""

    node_of_cpu: tuple[int, ...]
    online_cpus: frozenset[int]

    @property
    def cpus(self) -> int:
        """Possible CPUs: what an array indexed by CPU needs room for."""
        return len(self.node_of_cpu)

    @property
    def nodes(self) -> int:
        """What an array indexed by node needs room for: the highest node with a CPU, plus one."""
        return max(self.node_of_cpu) + 1

    @property
    def online(self) -> int:
        """How many CPUs are online."""
        return len(self.online_cpus)

    @property
    def populated_nodes(self) -> int:
        """Nodes that have an online CPU."""
        return len({self.node_of_cpu[cpu] for cpu in self.online_cpus})

    @classmethod
    def from_sysfs(cls, root: Path = SYSFS) -> Machine:
        """Reads `root`; a kernel without NUMA has no node folders and everything is node 0.

        A CPU that is offline is on the node that its folder links to, as long as it is plugged in
        (drivers/base/node.c); one that never was counts as node 0. Raises CannotTraceError.
        """
        try:
            return cls._read(root)
        except (OSError, ValueError) as error:
            raise CannotTraceError(
                f"{root} does not say which CPUs this machine has: {error}; mount sysfs there"
            ) from error

    @classmethod
    def _read(cls, root: Path) -> Machine:
        cpu_root = root / "devices/system/cpu"
        possible = _cpu_list((cpu_root / "possible").read_text())
        online = _cpu_list((cpu_root / "online").read_text())
        nodes = [0] * (max(possible) + 1)
        for cpu in range(len(nodes)):
            for link in (cpu_root / f"cpu{cpu}").glob("node[0-9]*"):
                nodes[cpu] = int(link.name.removeprefix("node"))
        for folder in (root / "devices/system/node").glob("node[0-9]*"):
            for cpu in _cpu_list((folder / "cpulist").read_text()):
                if cpu < len(nodes):
                    nodes[cpu] = int(folder.name.removeprefix("node"))
        return cls(tuple(nodes), frozenset(online))


def _cpu_list(text: str) -> list[int]:
    return [cpu for part in text.strip().split(",") if part for cpu in _cpu_range(part)]


def _cpu_range(part: str) -> Iterator[int]:
    first, _, last = part.partition("-")
    yield from range(int(first), int(last or first) + 1)
