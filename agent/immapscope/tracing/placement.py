# SPDX-License-Identifier: GPL-2.0-or-later
"""By which policy a kernel gives VMAs their shard, named from what it does with a few of them.

Before a session opens the agent maps a file that nobody else knows: a few times on each CPU, and
many times on one. Where the shard follows from the CPU it is `node` or `cpu`; where the emptiest
tree is taken each time it is `smallest`; where neither is so it is `hash`. What several policies
explain is `unknown`; docs/layouts.md says where one name is for two that do the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

#: Mappings of each CPU, and on one of them: by chance a hash levels 16 times once in 256.
FEW: Final = 3
_AT_LEAST: Final = 16
_AT_MOST: Final = 128

#: Maps a new file so many times on this CPU (None: any): the shard of each. Raises OSError.
Place = Callable[[int | None, int], list[int]]


@dataclass(frozen=True, slots=True)
class Placement:
    """`policy` as in `KernelFacts`. `home_nodes`: the node of the CPUs whose VMAs a shard gets."""

    policy: str | None = None
    home_nodes: Mapping[int, int] = field(default_factory=dict)


ONE_TREE: Final = Placement()


def observe(
    place: Place, cpus: Iterable[int], node_of_cpu: Sequence[int], shards: int
) -> Placement:
    """Places mappings and names the policy. CPUs that this process may not run on are left out."""
    before = os.sched_getaffinity(0)
    few: dict[int, list[int]] = {}
    try:
        for cpu in sorted(cpus):
            try:
                few[cpu] = place(cpu, FEW)
            except OSError:
                continue
        many = place(min(few, default=None), min(max(_AT_LEAST, 2 * shards), _AT_MOST))
    except OSError:
        return Placement("unknown")
    finally:
        os.sched_setaffinity(0, before)
    return named(few, many, node_of_cpu, shards)


def named(
    few: Mapping[int, Sequence[int]], many: Sequence[int], node_of_cpu: Sequence[int], shards: int
) -> Placement:
    """What the shards of `few` mappings on each CPU, and of `many` on one of them, show."""
    if shards < 2 or not many:
        return Placement("unknown")
    if all(len(set(seen)) == 1 for seen in (*few.values(), many)):
        return _by_cpu({cpu: seen[0] for cpu, seen in few.items()}, node_of_cpu, shards)
    return Placement("smallest" if _levelled(many, shards) else "hash")


def _by_cpu(shard_of: Mapping[int, int], node_of_cpu: Sequence[int], shards: int) -> Placement:
    nodes: dict[int, set[int]] = {}
    shards_of_node: dict[int, set[int]] = {}
    for cpu, shard in shard_of.items():
        nodes.setdefault(shard, set()).add(node_of_cpu[cpu])
        shards_of_node.setdefault(node_of_cpu[cpu], set()).add(shard)
    homes = {shard: found.pop() for shard, found in nodes.items() if len(found) == 1}
    if len(nodes) < 2:
        return Placement("unknown", homes)
    own = len(nodes) == len(shard_of)
    by_number = all(shard == cpu % shards for cpu, shard in shard_of.items())
    if len(homes) < len(nodes):
        # Nodes share trees, so it is no node's.
        policy = "cpu" if by_number else "unknown"
    elif all(len(seen) == 1 for seen in shards_of_node.values()):
        # Of one CPU a node it does not show which of the two the tree goes with.
        policy = "unknown" if own and by_number else "node"
    elif own and shards >= len(node_of_cpu):
        # As many trees a node as it has CPUs are the same.
        policy = "cpu"
    else:
        policy = "unknown" if by_number else "node"
    return Placement(policy, homes)


def _levelled(many: Sequence[int], shards: int) -> bool:
    """Whether each went to one of the emptiest trees."""
    counts = [0] * max(shards, max(many) + 1)
    for shard in many:
        if counts[shard] != min(counts):
            return False
        counts[shard] += 1
    return True
