# SPDX-License-Identifier: GPL-2.0-or-later
"""Replays a recording under other designs: `predict` is what the rest of the package is for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.errors import UsageError
from immapscope.recording.reader import Recording
from immapscope.whatif.chains import trace_of
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
from immapscope.whatif.engine import simulate
from immapscope.whatif.machine import Machine
from immapscope.whatif.outcome import Outcome, mean_of, outcome_of
from immapscope.whatif.policy import Choice, Layout, Policy, parse_policy
from immapscope.whatif.results import Prediction, Resampling, verdict
from immapscope.whatif.trace import QUANTILES, Gaps, Trace

SEED: Final = 1

#: Repetitions where chance has a part: trees that were drawn, copies that were spread.
_REPETITIONS: Final = 5
#: Where a repetition is this long, and there are fewer of them.
_LONG: Final = 20_000_000
_REPETITIONS_OF_LONG: Final = 2
#: The copies of a chain begin within this part of the recording's time.
_SPREAD: Final = 0.01

_LAYOUTS: Final = {
    Layout.SINGLE: ONE, Layout.TREE_ONLY: ONE, Layout.SPLIT: EACH, Layout.INVERTED: INVERTED,
}  # fmt: skip
_CHOICES: Final = {
    None: BY_CPU, Choice.NODE: BY_CPU, Choice.CPU: BY_CPU, Choice.SMALLEST: EMPTIEST,
    Choice.HASH: BY_ADDRESS,
}  # fmt: skip
_SINGLE: Final = parse_policy("single")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What is turned to see how much the answer hangs on it; 1 is as recorded.

    `walk_rate`: how often each walk over a file is done. `handoff_price`: what a hand-over to
    another node costs, beside what was recorded.
    """

    walk_rate: float = 1.0
    handoff_price: float = 1.0
    seed: int = SEED


def predict(
    recording: Recording,
    policies: Sequence[Policy | str],
    cpus: int | None = None,
    nodes: int | None = None,
    walk_rate: float = 1.0,
    handoff_price: float = 1.0,
    seed: int = SEED,
) -> list[Prediction]:
    """One for `single`, as what the others are beside, then one for each of `policies`.

    `cpus`, `nodes`: of a larger machine with as many times the tasks. Raises UsageError for a
    recording that cannot be replayed and a policy that is none.
    """
    trace = trace_of(recording)
    machine = Machine.scaled(trace.node_of_cpu, cpus, nodes)
    return predictions(trace, policies, machine, Knobs(walk_rate, handoff_price, seed))


def predictions(
    trace: Trace, policies: Sequence[Policy | str], machine: Machine, knobs: Knobs = Knobs()
) -> list[Prediction]:
    """As `predict`, of a trace that is at hand: what a recording is read for once."""
    asked = [parse_policy(one) if isinstance(one, str) else one for one in policies]
    for number in (knobs.walk_rate, knobs.handoff_price):
        if not 0 <= number <= 1000:
            raise UsageError(f"a rate or price of {number}: give a number from 0 to 1000")
    runs = [_SINGLE, *(one for one in asked if one.layout not in (Layout.SINGLE, Layout.TREE_ONLY))]
    for policy in asked:
        policy.trees(machine)
    with ThreadPoolExecutor(min(len(runs), os.cpu_count() or 1)) as pool:
        done = list(pool.map(lambda policy: _runs(trace, policy, machine, knobs), runs))
    by_policy = dict(zip((one.text for one in runs), done, strict=True))
    single = by_policy[_SINGLE.text]
    as_recorded = machine.is_recorded(trace.node_of_cpu) and knobs == Knobs(seed=knobs.seed)
    run = _Run(trace, machine, knobs, Resampling(knobs.seed))
    found = [_answer(run, _SINGLE, single, trace.waits if as_recorded else None)]
    for policy in asked:
        if policy.layout is Layout.SINGLE:
            continue
        outcome = by_policy.get(policy.text, single)
        found.append(_answer(run, policy, outcome, single.waits))
    return found


def _runs(trace: Trace, policy: Policy, machine: Machine, knobs: Knobs) -> Outcome:
    by_chance = machine.copies > 1 or (policy.layout is not Layout.SINGLE and trace.drawn > 0)
    repetitions = 1
    if by_chance:
        long = trace.acquisitions * machine.copies > _LONG
        repetitions = _REPETITIONS_OF_LONG if long else _REPETITIONS
    design = design_of(trace, policy, machine, knobs)
    spread = _SPREAD * trace.duration_ns if machine.copies > 1 else 0.0
    worlds = (
        simulate(design, trace.events, trace.files, knobs.seed + number, spread)
        for number in range(repetitions)
    )
    return mean_of([outcome_of(world, design) for world in worlds])


def design_of(trace: Trace, policy: Policy, machine: Machine, knobs: Knobs = Knobs()) -> Design:
    """The policy on that machine, for the event loop."""
    trees = policy.trees(machine) if policy.layout in (Layout.SPLIT, Layout.INVERTED) else 1
    numbers = np.zeros(1, NUMBERS)
    numbers["layout"] = _LAYOUTS[policy.layout]
    numbers["choice"] = _CHOICES[policy.choice]
    numbers["trees"] = trees
    numbers["locks"] = trees + (policy.layout is Layout.INVERTED)
    numbers["copies"], numbers["cpus"] = machine.copies, machine.cpus
    numbers["cpus_of_copy"] = len(trace.node_of_cpu)
    numbers["walks"] = knobs.walk_rate
    numbers["patience"] = PATIENCE_NS
    tree_of_cpu = policy.tree_of_cpu(machine) if trees > 1 else np.zeros(machine.cpus, np.int32)
    spins = np.zeros(QUANTILES) if trace.spins is None else trace.spins
    return Design(numbers, tree_of_cpu, machine.node_of_cpu, _gaps(trace, knobs), spins)


def _gaps(trace: Trace, knobs: Knobs) -> NDArray[np.float64]:
    """What was never seen costs what the other node does, or else the other way to wait."""

    def first(*seen: NDArray[np.float64] | None) -> NDArray[np.float64]:
        return next((one for one in seen if one is not None), np.zeros(QUANTILES))

    def both(gaps: Gaps, other: Gaps) -> NDArray[np.float64]:
        same = first(gaps.same, gaps.remote, other.same, other.remote)
        remote = first(gaps.remote, gaps.same, other.remote, other.same)
        return np.stack([same, remote * knobs.handoff_price])

    return np.stack([both(trace.gaps, trace.spin_gaps), both(trace.spin_gaps, trace.gaps)])


@dataclass(frozen=True, slots=True)
class _Run:
    """What all answers are about."""

    trace: Trace
    machine: Machine
    knobs: Knobs
    resampling: Resampling

    @property
    def execs(self) -> int:
        """Of all copies."""
        return self.trace.execs * self.machine.copies

    @property
    def ns_by_cpus(self) -> float:
        """That the machine's CPUs take at least for what is wanted of them."""
        walks = (self.knobs.walk_rate - 1) * self.trace.walks_ns
        return (self.trace.work_ns + walks) * self.machine.copies / self.machine.cpus


def _answer(
    run: _Run, policy: Policy, outcome: Outcome, beside: NDArray[np.float64] | None
) -> Prediction:
    wait = float(outcome.waits.sum() / len(outcome.waits))
    ratio = interval = None
    if beside is not None:
        beside = np.atleast_2d(beside)
        total = float(beside.sum() / len(beside))
        ratio = wait / total if total else None
        interval = run.resampling.ratio(outcome.waits, beside)
    most, limit = _bound(run, outcome)
    taken = outcome.taken
    return Prediction(
        policy=policy.text,
        layout=policy.layout.value,
        trees=policy.trees(run.machine),
        acquisitions=outcome.done,
        contended=outcome.contended,
        wait_ns=wait,
        wait=run.resampling.total(outcome.waits),
        wait_per_exec_ns=wait / run.execs if run.execs else None,
        ratio=ratio,
        ratio_interval=interval,
        verdict=None if policy is _SINGLE else verdict(interval),
        remote=outcome.remote / outcome.handoffs if outcome.handoffs else None,
        imbalance=float(taken.max() / taken.mean()) if taken.any() else None,
        sweeps=outcome.sweeps,
        sweep_wait_ns=outcome.sweep_wait_ns,
        sweep_ns=outcome.sweep_ns,
        most_execs_per_second=most,
        limit=limit,
        bytes_per_inode=policy.bytes_per_inode(run.machine),
        drawn=outcome.drawn,
    )


def _bound(run: _Run, outcome: Outcome) -> tuple[float | None, str]:
    """Execs a second that no queueing could exceed: by the busiest lock's time, or the CPUs'."""
    least = max(outcome.busiest_ns, run.ns_by_cpus)
    most = run.execs / least * 1e9 if run.execs and least else None
    return most, "lock" if outcome.busiest_ns >= run.ns_by_cpus else "CPUs"
