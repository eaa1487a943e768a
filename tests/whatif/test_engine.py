# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop gives what a plain simulation of the same model gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.whatif.design import BY_ADDRESS
from immapscope.whatif.engine import simulate
from tests.whatif.brute import Policy, Simulation
from tests.whatif.storms import as_design, as_events, storm

POLICIES = {
    "one lock": Policy("one", 1),
    "a tree for each CPU": Policy("each", 6, lambda cpu, vma: cpu),
    "a tree for each node": Policy("each", 2, lambda cpu, vma: cpu % 2),
    "the emptiest": Policy("each", 5, None),
    "by address": Policy("each", 3, lambda cpu, vma: (vma + 1) % 3),
    "inverted, by CPU": Policy("inverted", 6, lambda cpu, vma: cpu),
    "inverted, the emptiest": Policy("inverted", 4, None),
    "inverted, by address": Policy("inverted", 3, lambda cpu, vma: (vma + 1) % 3),
}
CPUS = 6
NODES = [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    chains=st.integers(1, 9),
    length=st.integers(1, 14),
    files=st.integers(1, 3),
    cpus=st.integers(1, 9),
    gaps=st.sampled_from([(0.0, 0.0), (7.0, 7.0), (3.0, 90.0)]),
)
def test_it_differs_from_no_plain_simulation(
    name: str, seed: int, chains: int, length: int, files: int, cpus: int, gaps: tuple[float, float]
) -> None:
    policy = POLICIES[name]
    acquisitions = storm(seed, chains, length, CPUS, files)
    starts = np.random.default_rng(seed).uniform(0, 3000, chains).tolist()
    plain = Simulation(acquisitions, starts, policy, cpus, gaps, NODES)
    choice = BY_ADDRESS if "address" in name else None
    design = as_design(policy, cpus, gaps, NODES, CPUS, choice)
    world = simulate(design, as_events(acquisitions, starts), files, seed=1)
    state = world.state[0]
    assert state["done"] == chains * length
    assert (state["handoffs"], state["remote"]) == (plain.handovers, plain.remote)
    assert world.waits.sum() == pytest.approx(plain.wait, rel=1e-5, abs=1e-3)
    assert state["now"] == pytest.approx(plain.now, rel=1e-5)
    assert state["running"] == 0
