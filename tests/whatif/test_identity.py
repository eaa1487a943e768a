# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain simulation is recorded; replaying the recording gives back what the simulation says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from immapscope.kernel.words import Operation
from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.whatif.chains import trace_of
from immapscope.whatif.predict import predict
from tests.whatif.brute import Acquisition, Done, Policy, Simulation
from tests.whatif.made import acquired, header, operations, write
from tests.whatif.storms import storm

NODES = [0, 0, 1, 1, 2, 2]
CPUS = len(NODES)
#: What a hand-over takes on one node and to another.
GAPS = (40.0, 900.0)
SINGLE = Policy("one", 1)


def recorded(path: Path, log: list[Done]) -> Path:
    """The recording that this would have made, had a kernel done it."""
    columns = {
        "task": np.array([done.chain + 1 for done in log]),
        "asked": np.array([done.asked for done in log]).round(),
        "wait": np.array([done.wait for done in log]).round(),
        "spin": np.array([done.spun if done.what.walk != "read" else -1 for done in log]).round(),
        "hold": np.array([done.released - done.asked - done.wait for done in log]).round(),
        "cpu": np.array([done.what.cpu for done in log]),
        "slot": np.array([done.what.file + 1 for done in log]),
        "operation": np.array([operation(done.what).code for done in log]),
        "writes": np.array([done.what.walk != "read" for done in log]),
    }
    changes = [
        (done, number, *change)
        for number, done in enumerate(log, start=1)
        for change in changes_of(done.what)
    ]
    address = {0: 0} | {vma + 1: 64 * (vma + 1) for vma in range(100_000)}
    tree: dict[str, Any] = {
        "time_ns": np.array([round(done.asked) + round(done.wait) for done, *_ in changes]),
        "task": np.array([done.chain + 1 for done, *_ in changes]),
        "acquisition": np.array([number for _, number, *_ in changes]),
        "operation": operations(np.array([what.code for _, _, what, _, _ in changes])),
        "vma": np.array([address[vma + 1] for _, _, _, vma, _ in changes]),
        "vma_reuse": np.zeros(len(changes), np.int64),
        "parent_vma": pa.array([address[parent + 1] for *_, parent in changes], pa.uint64()),
        "parent_reuse": np.zeros(len(changes), np.int64),
    }
    of_machine = header(NODES, duration_ns=round(max(done.released for done in log)))
    return write(path, of_machine, {Kind.ACQUISITION: acquired(**columns), Kind.TREE: tree})


def operation(one: Acquisition) -> Operation:
    """What the hold would be called."""
    if one.walk:
        return Operation.WALK
    kinds = [what for what, _ in one.vmas]
    if kinds == ["new"]:
        return Operation.INSERT
    if kinds == ["stays", "copy"]:
        return Operation.INSERT_AFTER
    return Operation.REMOVE if "goes" in kinds else Operation.ADJUST


def changes_of(one: Acquisition) -> list[tuple[Operation, int, int]]:
    """The changes of the tree in it: what, which VMA, behind which (-1 for none)."""
    vmas = [vma for _, vma in one.vmas]
    match operation(one):
        case Operation.WALK:
            return []
        case Operation.INSERT:
            return [(Operation.INSERT, vmas[0], -1)]
        case Operation.INSERT_AFTER:
            return [(Operation.INSERT_AFTER, vmas[1], vmas[0])]
        case Operation.REMOVE:
            return [(Operation.REMOVE, vma, -1) for vma in vmas]
        case _:
            # vma_prepare() puts in what is split off, and takes out what it is split off from.
            stay = dict.fromkeys(vmas[:-1])
            return [
                (Operation.INSERT, vmas[-1], -1),
                *((Operation.REMOVE, vma, -1) for vma in stay),
                *((Operation.INSERT, vma, -1) for vma in reversed(stay)),
            ]


@pytest.mark.parametrize("cpus_lacking", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_recorded_comes_back(tmp_path: Path, seed: int, cpus_lacking: bool) -> None:
    chains = storm(seed, chains=14 if cpus_lacking else CPUS, length=120, cpus=CPUS, files=2)
    chains = [[_longer(one) for one in chain] for chain in chains]
    starts = np.random.default_rng(seed).uniform(0, 1e5, len(chains)).round().tolist()
    truth = Simulation(chains, starts, SINGLE, CPUS, GAPS, NODES)
    path = recorded(tmp_path / "recording", truth.log)
    with Recording(path) as recording:
        (single,) = predict(recording, ["single"])
    assert single.acquisitions == len(truth.log)
    assert single.wait_ns == pytest.approx(truth.wait, rel=0.05)
    assert single.ratio == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("node", Policy("each", 3, lambda cpu, vma: NODES[cpu])),
        ("node:2", Policy("each", 6, lambda cpu, vma: cpu)),
        ("cpu", Policy("each", 6, lambda cpu, vma: cpu)),
        ("smallest:4", Policy("each", 8, None)),
        ("inverted:cpu", Policy("inverted", 6, lambda cpu, vma: cpu)),
        ("inverted:smallest:6", Policy("inverted", 6, None)),
    ],
)
def test_another_design_is_what_it_would_have_been(
    tmp_path: Path, name: str, policy: Policy
) -> None:
    """The recording is of one lock a file; the truth is the same chains under that design."""
    chains = storm(5, chains=CPUS, length=200, cpus=CPUS, files=2)
    chains = [[_longer(one) for one in chain] for chain in chains]
    starts = np.random.default_rng(5).uniform(0, 1e5, len(chains)).round().tolist()
    path = recorded(
        tmp_path / "recording", Simulation(chains, starts, SINGLE, CPUS, GAPS, NODES).log
    )
    truth = Simulation(chains, starts, policy, CPUS, GAPS, NODES)
    with Recording(path) as recording:
        single, split = predict(recording, [name])
    assert split.trees == policy.trees
    assert split.wait_ns == pytest.approx(truth.wait, rel=0.005)
    assert split.remote == pytest.approx(truth.remote / truth.handovers, abs=0.005)
    assert split.wait_ns < single.wait_ns or "inverted" in name


def mappers(
    random: np.random.Generator, think: float, count: int
) -> tuple[list[list[Acquisition]], list[float]]:
    """A chain a CPU that maps one file so often, and when each begins; holds are of 10 us."""
    chains = [
        [
            Acquisition(
                round(random.exponential(think)), round(random.exponential(10_000)), cpu,
                vmas=(("new", count * cpu + number),),
            )
            for number in range(count)
        ]
        for cpu in range(CPUS)
    ]  # fmt: skip
    return chains, random.uniform(0, 1e5, CPUS).round().tolist()


@pytest.mark.parametrize("think", [300_000, 100_000])
def test_who_wakes_late_is_overtaken_and_counts_all_the_same(tmp_path: Path, think: int) -> None:
    """One waiter in five takes 100 us to wake, where a hold is 10: hardly one of them gets there.

    Without those who were overtaken the mean of the gaps would be 6 or 8 us, not 24.
    """
    waits = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        chains, starts = mappers(random, think, 400)

        def late(_: bool, random: np.random.Generator = random) -> float:
            return float(random.choice([5e3, 1e5], p=[0.8, 0.2]))

        truth = Simulation(chains, starts, SINGLE, CPUS, late, NODES)
        with Recording(recorded(tmp_path / f"recording-{seed}", truth.log)) as recording:
            (single,) = predict(recording, ["single"])
        waits.append((single.wait_ns, truth.wait))
    replayed, true = np.sum(waits, axis=0)
    assert replayed == pytest.approx(true, rel=0.1)


def test_who_spins_and_who_sleeps_are_told_apart(tmp_path: Path) -> None:
    """Who spins is there in 1 us, who sleeps in 50 us; half give up spinning after 14 us."""
    waits = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        chains, starts = mappers(random, 100_000, 2400)

        def lasts(mean: float, random: np.random.Generator = random) -> float:
            return 1 + round(random.exponential(mean))

        truth = Simulation(
            chains, starts, SINGLE, CPUS, lambda _: lasts(50_000), NODES,
            spin_gaps=lambda _: lasts(1000), spins=lambda: lasts(20_000),
        )  # fmt: skip
        with Recording(recorded(tmp_path / f"recording-{seed}", truth.log)) as recording:
            trace = trace_of(recording)
            (single,) = predict(recording, ["single"])
        waits.append((single.wait_ns, truth.wait))
        assert trace.spins is not None
        assert trace.spins.mean() == pytest.approx(20_000, rel=0.1)
        assert trace.gaps.remote is not None
        assert trace.spin_gaps.remote is not None
        assert trace.spin_gaps.remote.mean() == pytest.approx(1000, rel=0.1)
        assert trace.gaps.remote.mean() == pytest.approx(50_000, rel=0.25)
    replayed, true = np.sum(waits, axis=0)
    assert replayed == pytest.approx(true, rel=0.05)


def _longer(one: Acquisition) -> Acquisition:
    """Of whole ns: who has a free lock hangs on single ones, and a recording has no parts."""
    return replace(one, think=round(one.think * 100), hold=round(one.hold * 100))
