# SPDX-License-Identifier: GPL-2.0-or-later
"""Small storms of every kind of acquisition, for the event loop and for the plain simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from immapscope.whatif.design import (
    BY_ADDRESS,
    BY_CPU,
    EACH,
    EMPTIEST,
    INVERTED,
    NUMBERS,
    ONE,
    PATIENCE_NS,
    Design,
)
from immapscope.whatif.trace import (
    COPY,
    EVENT,
    GOES,
    NEW,
    NOTHING,
    ONE_BY_ONE,
    QUANTILES,
    STAYS,
    SWEEP,
    WHAT_SHIFT,
    WRITE,
    Events,
)
from tests.whatif.brute import Acquisition, Policy

_WHAT = {"stays": STAYS, "new": NEW, "copy": COPY, "goes": GOES}
_LAYOUT = {"one": ONE, "each": EACH, "inverted": INVERTED}


def storm(seed: int, chains: int, length: int, cpus: int, files: int) -> list[list[Acquisition]]:
    """Chains that map, fork, split, unmap several at once and walk; no two moments are alike."""
    random = np.random.default_rng(seed)
    made: list[list[Acquisition]] = []
    vmas = 0
    walks = random.uniform(0, 0.4)
    for _ in range(chains):
        alive: list[list[int]] = [[] for _ in range(files)]
        chain = []
        for _ in range(length):
            file = int(random.integers(files))
            mine = alive[file]
            think, hold = random.exponential(1000), random.exponential(400)
            cpu = int(random.integers(cpus))
            if random.random() < walks:
                side = "read" if random.random() < 0.5 else "write"
                chain.append(Acquisition(think, hold, cpu, file, walk=side))  # type: ignore[arg-type]
                continue
            does = random.choice(["map", "fork", "split", "unmap"])
            if does == "map" or not mine:
                change = [("new", vmas)]
            elif does == "unmap":
                going = [mine.pop(0) for _ in range(min(len(mine), int(random.integers(1, 6))))]
                chain.append(
                    Acquisition(think, hold, cpu, file, None, len(going) > 1,
                                tuple(("goes", vma) for vma in going))
                )  # fmt: skip
                continue
            else:
                change = [("stays", mine[int(random.integers(len(mine)))]), ("copy", vmas)]
                if does == "split" and len(mine) > 1:
                    change.insert(0, ("stays", mine[int(random.integers(len(mine)))]))
            mine.append(vmas)
            vmas += 1
            chain.append(Acquisition(think, hold, cpu, file, vmas=tuple(change)))  # type: ignore[arg-type]
        made.append(chain)
    return made


def copied(
    chains: Sequence[Sequence[Acquisition]], copy: int, cpus: int
) -> list[list[Acquisition]]:
    """The same once more, on CPUs and with VMAs of its own; those of copy 0 are as they were."""
    vmas = vmas_of(chains)
    return [
        [
            replace(
                one,
                cpu=one.cpu + copy * cpus,
                vmas=tuple((what, vma + copy * vmas) for what, vma in one.vmas),
            )
            for one in chain
        ]
        for chain in chains
    ]


def vmas_of(chains: Sequence[Sequence[Acquisition]]) -> int:
    """How many there are, counted as the event loop does."""
    return 1 + max((vma for chain in chains for one in chain for _, vma in one.vmas), default=0)


def as_events(chains: Sequence[Sequence[Acquisition]], starts: Sequence[float]) -> Events:
    """For the event loop; the hash of a VMA's address is its number and 1."""
    count = sum(map(len, chains))
    events = np.zeros(count, EVENT)
    vmas: list[int] = []
    head, at = [], 0
    for chain in chains:
        head.append(at)
        for number, one in enumerate(chain):
            event = events[at]
            event["think"], event["hold"], event["cpu"] = one.think, one.hold, one.cpu
            event["file"] = one.file
            event["following"] = at + 1 if number + 1 < len(chain) else NOTHING
            sweep = SWEEP | (WRITE if one.walk == "write" else 0)
            change = WRITE | (ONE_BY_ONE if one.one_by_one else 0)
            event["kind"] = sweep if one.walk else change
            entries = [vma | _WHAT[what] << WHAT_SHIFT for what, vma in one.vmas]
            event["count"] = len(entries)
            event["vmas"] = entries[0] if len(entries) == 1 else len(vmas)
            if len(entries) > 1:
                vmas += entries
            at += 1
    none = np.zeros(0, np.uint32)
    order = np.argsort(starts, kind="stable")
    return Events(
        events, np.array(vmas, np.uint32), np.array(head, np.uint32)[order],
        np.array(starts, float)[order], none, none,
        np.arange(1, vmas_of(chains) + 1, dtype=np.uint32),
    )  # fmt: skip


def as_design(
    policy: Policy,
    cpus: int,
    gaps: tuple[float, float] = (0.0, 0.0),
    node_of_cpu: Sequence[int] | None = None,
    numbered: int | None = None,
    choice: int | None = None,
    copies: int = 1,
    patience: float = PATIENCE_NS,
    spin_gaps: tuple[float, float] = (0.0, 0.0),
    spins: float = 0.0,
) -> Design:
    """`cpus`: how many there are to run on, of `numbered` that events name in all `copies`."""
    numbered = numbered or cpus
    if choice is None:
        choice = EMPTIEST if policy.choice is None else BY_CPU
    numbers = np.zeros(1, NUMBERS)
    numbers["layout"], numbers["choice"] = _LAYOUT[policy.layout], choice
    numbers["trees"] = policy.trees
    numbers["locks"] = policy.trees + (policy.layout == "inverted")
    numbers["copies"], numbers["cpus"] = copies, cpus
    numbers["cpus_of_copy"] = numbered // copies
    numbers["walks"], numbers["patience"] = 1, patience
    trees = [policy.choice(cpu, 0) if policy.choice else 0 for cpu in range(numbered)]
    nodes = list(node_of_cpu or [0] * numbered)
    if choice == BY_ADDRESS:
        trees = [0] * numbered
    return Design(
        numbers, np.array(trees, np.int32), np.array(nodes, np.int32),
        np.array([[[gap] * QUANTILES for gap in pair] for pair in (gaps, spin_gaps)]),
        np.full(QUANTILES, spins),
    )  # fmt: skip
