# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape of a guest: sockets of cores, each socket one NUMA node with memory of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import UsageError

LOCAL_DISTANCE = 10
REMOTE_DISTANCE = 20


@dataclass(frozen=True)
class Topology:
    """Sockets are NUMA nodes: the kernel warns when its cache topology contradicts NUMA."""

    sockets: int
    cores: int

    @classmethod
    def parse(cls, text: str) -> Topology:
        """'4x2' is 4 nodes of 2 CPUs; UsageError for anything else."""
        match = re.fullmatch(r"([1-9]\d{0,2})x([1-9]\d{0,2})", text, re.ASCII)
        if not match:
            raise UsageError(f"topology {text!r} is not SOCKETSxCORES, such as 4x2")
        topology = cls(int(match[1]), int(match[2]))
        if topology.sockets > 64 or topology.cpus > 255:
            raise UsageError(f"topology {text}: at most 64 sockets and 255 CPUs")
        return topology

    @property
    def cpus(self) -> int:
        return self.sockets * self.cores

    def qemu_arguments(self, memory_mib: int) -> list[str]:
        """Memory is shared evenly between the nodes, in whole MiB."""
        nodes = range(self.sockets)
        share = memory_mib // self.sockets
        arguments = ["-smp", f"{self.cpus},sockets={self.sockets},cores={self.cores},threads=1"]
        arguments += ["-m", f"{share * self.sockets}M"]
        for node in nodes:
            first = node * self.cores
            cpus = f"cpus={first}-{first + self.cores - 1}"
            arguments += ["-object", f"memory-backend-ram,id=node{node},size={share}M"]
            arguments += ["-numa", f"node,nodeid={node},{cpus},memdev=node{node}"]
        for source in nodes:
            for target in nodes:
                distance = LOCAL_DISTANCE if source == target else REMOTE_DISTANCE
                arguments += ["-numa", f"dist,src={source},dst={target},val={distance}"]
        return arguments


def parse_memory(text: str) -> int:
    """MiB of '3G' or '512M'; UsageError for anything else."""
    match = re.fullmatch(r"([1-9]\d*)([MG])", text.upper(), re.ASCII)
    if not match:
        raise UsageError(f"memory {text!r} is not a size such as 3G or 512M")
    return int(match[1]) * (1024 if match[2] == "G" else 1)
