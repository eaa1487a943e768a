# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop gives what a plain simulation of the same model gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from immapscope.whatif.design import BY_ADDRESS
from immapscope.whatif.engine import simulate, starts_of
from immapscope.whatif.trace import QUANTILES
from tests.whatif.brute import Acquisition, Policy, Simulation
from tests.whatif.storms import as_design, as_events, copied, storm, vmas_of

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
    gaps=st.sampled_from([(0.0, 0.0), (7.0, 7.0), (3.0, 90.0), (0.0, 400.0)]),
    patience=st.sampled_from([0.0, 500.0, 4e6]),
    spin_gaps=st.sampled_from([(0.0, 0.0), (5.0, 5.0), (2.0, 60.0), (0.0, 300.0)]),
    spins=st.sampled_from([0.0, 40.0, 700.0, 1e9]),
)
def test_it_differs_from_no_plain_simulation(
    name: str,
    seed: int,
    chains: int,
    length: int,
    files: int,
    cpus: int,
    gaps: tuple[float, float],
    patience: float,
    spin_gaps: tuple[float, float],
    spins: float,
) -> None:
    policy = POLICIES[name]
    acquisitions = storm(seed, chains, length, CPUS, files)
    starts = np.random.default_rng(seed).uniform(0, 3000, chains).tolist()
    plain = Simulation(
        acquisitions, starts, policy, cpus, gaps, NODES, patience, spin_gaps, lambda: spins
    )
    choice = BY_ADDRESS if "address" in name else None
    design = as_design(policy, cpus, gaps, NODES, CPUS, choice, 1, patience, spin_gaps, spins)
    world = simulate(design, as_events(acquisitions, starts), files, seed=1)
    state = world.state[0]
    assert state["done"] == chains * length
    assert (state["handoffs"], state["remote"]) == (plain.handovers, plain.remote)
    assert world.waits.sum() == pytest.approx(plain.wait, rel=1e-5, abs=1e-3)
    busiest = max(plain.taken.values(), default=0)
    assert world.locks["busy"].max() == pytest.approx(busiest, rel=1e-5)
    assert state["now"] == pytest.approx(plain.now, rel=1e-5)
    assert state["now"] >= busiest * (1 - 1e-5)
    assert state["running"] == 0


class Drawn:
    """What the event loop draws, in Python: splitmix64, and QUANTILES numbers to draw from."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, count: int) -> int:
        """0 to `count` - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) % 2**64
        return (mixed(self._state) >> 33) % count

    def of(self, quantiles: NDArray[np.float64]) -> float:
        """One of them."""
        return float(quantiles[self.below(QUANTILES)])


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chains=st.integers(2, 12), cpus=st.integers(1, 9))
def test_it_differs_from_none_where_all_lasts_by_chance(
    name: str, seed: int, chains: int, cpus: int
) -> None:
    """Who began to spin last may tire first, and who woke last be there first."""
    random = np.random.default_rng(seed)
    length, files = int(random.integers(2, 14)), int(random.integers(1, 3))
    acquisitions = storm(seed, chains, length, CPUS, files)
    starts = random.uniform(0, 3000, chains).tolist()
    patience = float(random.choice([0, 500, 4e6]))

    def some(*ns: float) -> NDArray[np.float64]:
        return random.choice(ns, QUANTILES) * random.uniform(0.5, 1.5, QUANTILES)

    spins = some(1, 40, 300, 700, 3000)
    spins[random.random(QUANTILES) < random.choice([0, 0.3])] = 0
    spins[random.random(QUANTILES) < random.choice([0, 0.1])] = np.inf
    gaps = np.array([[some(0, 7, 90, 400), some(0, 90, 2000)], [some(0, 5), some(0, 60, 300)]])
    drawn = Drawn(7)
    plain = Simulation(
        acquisitions, starts, POLICIES[name], cpus, lambda away: drawn.of(gaps[0, int(away)]),
        NODES, patience, lambda away: drawn.of(gaps[1, int(away)]), lambda: drawn.of(spins),
    )  # fmt: skip
    choice = BY_ADDRESS if "address" in name else None
    design = as_design(POLICIES[name], cpus, (0, 0), NODES, CPUS, choice, 1, patience)
    design = design._replace(gaps=gaps, spins=spins)
    world = simulate(design, as_events(acquisitions, starts), files, seed=7)
    state = world.state[0]
    assert state["done"] == chains * length
    assert (state["handoffs"], state["remote"]) == (plain.handovers, plain.remote)
    assert world.waits.sum() == pytest.approx(plain.wait, rel=1e-5, abs=1e-3)
    assert (state["running"], state["spinning"]) == (0, 0)


#: Copies of the recorded customers, and ns within which those of one chain begin.
COPIES = 3
SPREAD = 900_000.0


def hashed(vma: int, vmas: int) -> int:
    """Of the VMA's address; of a copy's what splitmix64 makes of that and the copy's number."""
    copy, number = divmod(vma, vmas)
    return mixed(copy << 32 | number + 1) >> 32 if copy else number + 1


def mixed(number: int) -> int:
    """What splitmix64 makes of 64 bits."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        number = (number ^ number >> shift) * factor % 2**64
    return number ^ number >> 31


def copied_policies(vmas: int) -> dict[str, Policy]:
    """On as many CPUs as all copies have; `vmas`: of the first copy."""

    def by_address(_: int, vma: int) -> int:
        return hashed(vma, vmas) % 4

    return {
        "one lock": Policy("one", 1),
        "a tree for each CPU": Policy("each", CPUS * COPIES, lambda cpu, vma: cpu),
        "the emptiest": Policy("each", 5, None),
        "by address": Policy("each", 4, by_address),
        "inverted, by address": Policy("inverted", 4, by_address),
    }


@pytest.mark.parametrize("name", copied_policies(1))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chains=st.integers(1, 5), length=st.integers(1, 12))
def test_copies_are_customers_of_their_own(name: str, seed: int, chains: int, length: int) -> None:
    # In whole ns, of which no sum is rounded: two copies that are let in together end together.
    once = [
        [replace(one, think=round(1e3 * one.think), hold=round(1e3 * one.hold)) for one in chain]
        for chain in storm(seed, chains, length, CPUS, 2)
    ]
    first = np.random.default_rng(seed).uniform(0, 3e6, chains).round()
    events = as_events(once, first.tolist())
    whole: list[list[Acquisition]] = []
    for copy in range(COPIES):
        again = copied(once, copy, CPUS)
        whole += [again[chain] for chain in np.argsort(first, kind="stable")]
    starts = starts_of(events, COPIES, SPREAD, seed).ravel().tolist()
    policy = copied_policies(vmas_of(once))[name]
    cpus, nodes, gaps = CPUS * COPIES, NODES * COPIES, (3e3, 9e4)
    plain = Simulation(whole, starts, policy, cpus, gaps, nodes)
    choice = BY_ADDRESS if "address" in name else None
    design = as_design(policy, cpus, gaps, nodes, cpus, choice, COPIES)
    world = simulate(design, events, 2, seed, SPREAD)
    state = world.state[0]
    assert state["done"] == chains * length * COPIES
    assert (state["handoffs"], state["remote"]) == (plain.handovers, plain.remote)
    assert world.waits.sum() == pytest.approx(plain.wait, rel=1e-5, abs=1e-3)


def test_a_hash_spreads_the_copies_of_one_mapping() -> None:
    """48 draws of 32 trees hit 25 on average, and hardly ever less than 18."""
    events = as_events([[Acquisition(0, 1, vmas=(("new", 0),))]], [0.0])
    design = as_design(Policy("each", 32, lambda cpu, vma: 0), 48, choice=BY_ADDRESS, copies=48)
    world = simulate(design, events, 1, seed=1, spread_ns=1e6)
    assert 18 <= np.count_nonzero(world.locks["taken"]) <= 32
    assert world.locks["taken"].sum() == 48


def test_a_hash_does_not_tell_the_tree_of_a_vma_that_was_there_before() -> None:
    """It may have come by a fork, and is then where the VMA is that it was copied from."""
    chain = [Acquisition(1, 1, vmas=(("goes", vma),)) for vma in range(200)]
    design = as_design(Policy("each", 4, lambda cpu, vma: 0), 1, choice=BY_ADDRESS)
    once, again = (simulate(design, as_events([chain], [0.0]), 1, seed) for seed in (1, 2))
    assert once.state[0]["drawn"] == again.state[0]["drawn"] == 200
    assert once.tree_of_vma.tolist() != again.tree_of_vma.tolist()
    assert np.bincount(once.tree_of_vma, minlength=4).min() > 25


@pytest.mark.parametrize(
    ("patience", "waited"),
    [
        # The third finds the lock free at 105, the fourth at 215: the second wakes 50 ns behind
        # each release, too late at 155 and at 255, and has it at 365, 50 behind the fourth's.
        (4e6, {1: 355}),
        # Too late once, it is promised the lock: the fourth has to wait until it has held it too.
        (0.0, {1: 245, 3: 190}),
    ],
)
def test_who_asks_while_a_waiter_wakes_has_the_lock(
    patience: float, waited: dict[int, float]
) -> None:
    starts = [0.0, 10.0, 105.0, 215.0]
    chains = [
        [Acquisition(0, hold, vmas=(("new", number),))] for number, hold in enumerate([100] * 4)
    ]
    gaps = (50.0, 50.0)
    design = as_design(Policy("one", 1), 4, gaps, patience=patience, spin_gaps=gaps)
    world = simulate(design, as_events(chains, starts), 1, seed=1)
    plain = Simulation(chains, starts, Policy("one", 1), 4, gaps, patience=patience, spin_gaps=gaps)
    assert {number: one.waits[0] for number, one in enumerate(plain.customers) if one.waits[0]} == (
        waited
    )
    assert world.waits.sum() == sum(waited.values())
