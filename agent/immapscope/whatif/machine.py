# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that the tasks are replayed on: the recorded one, or a larger one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from immapscope.errors import UsageError

#: What the lab's kernels and the recording's CPU numbers go up to.
_MOST_CPUS = 1 << 14


@dataclass(frozen=True, slots=True)
class Machine:
    """`node_of_cpu`: each CPU's; `copies`: how many there are of each recorded chain."""

    node_of_cpu: NDArray[np.int32]
    copies: int = 1

    @property
    def cpus(self) -> int:
        """How many."""
        return len(self.node_of_cpu)

    @property
    def nodes(self) -> int:
        """As the kernel's nr_node_ids: the highest node's number and 1."""
        return int(self.node_of_cpu.max()) + 1

    def is_recorded(self, node_of_cpu: NDArray[np.int32]) -> bool:
        """Whether it is the one of that recording, with its tasks as they were."""
        return self.copies == 1 and np.array_equal(self.node_of_cpu, node_of_cpu)

    @property
    def place_in_node(self) -> NDArray[np.int32]:
        """Which of its node's CPUs each is."""
        place = np.empty(self.cpus, np.int32)
        for node in np.unique(self.node_of_cpu):
            of_node = self.node_of_cpu == node
            place[of_node] = np.arange(of_node.sum())
        return place

    @classmethod
    def scaled(
        cls, recorded: NDArray[np.int32], cpus: int | None = None, nodes: int | None = None
    ) -> Self:
        """The recorded machine, or one of so many CPUs and nodes with as many times its tasks.

        Nodes have equally many CPUs, numbered node by node. Raises UsageError for what is no
        machine, or is smaller than the recorded one.
        """
        if cpus is None and nodes is None:
            return cls(recorded)
        cpus = len(recorded) if cpus is None else cpus
        if nodes is None:
            nodes = int(recorded.max()) + 1
        if not len(recorded) <= cpus <= _MOST_CPUS:
            raise UsageError(
                f"--scale-cpus {cpus}: not from {len(recorded)}, which were recorded, "
                f"to {_MOST_CPUS}"
            )
        if not 1 <= nodes <= cpus or cpus % nodes:
            raise UsageError(f"--scale-nodes {nodes}: {cpus} CPUs do not make {nodes} equal nodes")
        node_of_cpu = (np.arange(cpus) // (cpus // nodes)).astype(np.int32)
        return cls(node_of_cpu, max(1, round(cpus / len(recorded))))
