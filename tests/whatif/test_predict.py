# SPDX-License-Identifier: GPL-2.0-or-later
"""What is answered besides waits: how sure it is, knobs, a larger machine, what grows with what."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from immapscope.errors import UsageError
from immapscope.recording.reader import Recording
from immapscope.whatif.chains import trace_of
from immapscope.whatif.machine import Machine
from immapscope.whatif.policy import parse_policy
from immapscope.whatif.predict import Knobs, predict, predictions
from immapscope.whatif.results import Interval, Verdict, verdict
from immapscope.whatif.trace import SWEEP, Trace
from tests.whatif.brute import Simulation
from tests.whatif.storms import storm
from tests.whatif.test_identity import CPUS, GAPS, NODES, SINGLE, recorded
from tests.whatif_scale import make


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tasks that map, fork, split, unmap and walk, always on their own CPU."""
    chains = [
        [replace(one, cpu=cpu, think=one.think * 100, hold=one.hold * 100) for one in chain]
        for cpu, chain in enumerate(storm(4, CPUS, 300, CPUS, 1))
    ]
    log = Simulation(chains, [0.0] * CPUS, SINGLE, CPUS, GAPS, NODES).log
    return recorded(tmp_path_factory.mktemp("predict") / "recording", log)


@pytest.fixture(scope="module")
def trace(path: Path) -> Trace:
    with Recording(path) as recording:
        return trace_of(recording)


def machine(trace: Trace) -> Machine:
    return Machine.scaled(trace.node_of_cpu)


def test_one_seed_one_answer(path: Path) -> None:
    with Recording(path) as recording:
        first = predict(recording, ["node", "smallest:4"], seed=3)
        assert predict(recording, ["node", "smallest:4"], seed=3) == first


def test_the_order_of_answers_is_that_of_the_policies(trace: Trace) -> None:
    asked = ["hash:2", "single", "node", "tree-only"]
    found = predictions(trace, asked, machine(trace))
    assert [one.policy for one in found] == ["single", "hash:2", "node", "tree-only"]


def test_several_trees_under_one_lock_wait_as_one_tree_does(trace: Trace) -> None:
    single, tree_only = predictions(trace, ["tree-only"], machine(trace))
    assert tree_only.wait_ns == single.wait_ns
    assert tree_only.verdict is Verdict.NO_DIFFERENCE
    assert tree_only.bytes_per_inode > single.bytes_per_inode


def test_more_walks_cost_a_split_more(trace: Trace) -> None:
    walks = [
        predictions(trace, ["cpu"], machine(trace), Knobs(walk_rate=rate))[1]
        for rate in (0.0, 0.5, 1.0, 3.0)
    ]
    sweeps = [one.sweeps for one in walks]
    assert sweeps[0] == 0
    assert sweeps[1] == pytest.approx(sweeps[2] / 2, rel=0.2)
    assert sweeps[3] == 3 * sweeps[2]
    waits = [one.wait_ns for one in walks]
    assert waits == sorted(waits)


def test_dear_hand_overs_cost_who_has_them(trace: Trace) -> None:
    """Without walks a tree for each node never hands over to another one."""
    cheap, dear = (
        predictions(trace, ["node"], machine(trace), Knobs(walk_rate=0, handoff_price=price))
        for price in (1.0, 20.0)
    )
    assert dear[0].wait_ns > 1.5 * cheap[0].wait_ns
    assert dear[0].remote is not None
    assert dear[0].remote > 0.5


def bound(trace: Trace, policy: str, walk_rate: float) -> tuple[float, str]:
    """Execs a second, had there been 100 of them, and what sets that."""
    told = replace(trace, execs=100)
    found = predictions(told, [policy], machine(trace), Knobs(walk_rate=walk_rate))[-1]
    assert found.most_execs_per_second is not None
    return found.most_execs_per_second, found.limit


def test_who_changes_trees_side_by_side_does_not_use_up_the_outer_lock(trace: Trace) -> None:
    """Without walks nobody waits for it, so it bounds nothing: the one tree below it does."""
    most, limit = bound(trace, "inverted:hash:1", 0)
    assert limit == "lock"
    assert most == pytest.approx(bound(trace, "hash:1", 0)[0])
    changes = trace.events.all[trace.events.all["kind"] & SWEEP == 0]
    assert 100 / most * 1e9 > changes["hold"].sum(dtype=float)


def test_walks_use_up_the_outer_lock(trace: Trace) -> None:
    most, limit = bound(trace, "inverted:cpu", 30)
    walks = trace.events.all[trace.events.all["kind"] & SWEEP != 0]
    held = 30 * walks["hold"].sum(dtype=float)
    assert limit == "lock"
    # And so many times it was handed over, to another node at most.
    assert held < 100 / most * 1e9 < held + 30 * len(walks) * GAPS[1]


def test_cpus_bound_by_what_is_done_on_them(trace: Trace) -> None:
    walks = trace.events.all[trace.events.all["kind"] & SWEEP != 0]
    for rate in (0.0, 1.0):
        work = trace.work_ns - (1 - rate) * walks["hold"].sum(dtype=float)
        most, limit = bound(trace, "cpu", rate)
        assert limit == "CPUs"
        assert most == pytest.approx(100 * CPUS / work * 1e9)


@pytest.mark.parametrize("knobs", [Knobs(walk_rate=-1), Knobs(handoff_price=float("nan"))])
def test_a_rate_that_is_none(trace: Trace, knobs: Knobs) -> None:
    with pytest.raises(UsageError, match="give a number from 0 to 1000"):
        predictions(trace, ["node"], machine(trace), knobs)


def test_trees_that_are_drawn_widen_the_interval(trace: Trace) -> None:
    known = predictions(trace, ["node"], machine(trace))[1]
    entries = trace.events.all.copy()
    # Changes of which it is not known what they concern.
    entries["count"][::2] = 0
    unknown = replace(trace, events=trace.events._replace(all=entries), drawn=1)
    drawn = predictions(unknown, ["node"], machine(trace))[1]
    assert known.drawn == 0
    assert drawn.drawn > 100
    assert width(drawn.ratio_interval) > width(known.ratio_interval)


def width(interval: Interval | None) -> float:
    assert interval is not None
    return interval.high - interval.low


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        (None, None),
        (Interval(0.1, 0.9), Verdict.BETTER),
        (Interval(0.9, 1.1), Verdict.NO_DIFFERENCE),
        (Interval(1.0, 1.1), Verdict.NO_DIFFERENCE),
        (Interval(1.1, 2.0), Verdict.WORSE),
    ],
)
def test_verdicts(interval: Interval | None, says: Verdict | None) -> None:
    assert verdict(interval) is says


def test_a_larger_machine_has_more_tasks_for_the_same_lock(trace: Trace) -> None:
    large = Machine.scaled(trace.node_of_cpu, 24, 4)
    small = predictions(trace, ["cpu"], machine(trace))
    found = predictions(trace, ["cpu"], large)
    assert found[0].acquisitions == 4 * small[0].acquisitions
    assert found[0].wait_ns > 4 * small[0].wait_ns
    assert found[0].ratio is None
    assert found[1].trees == 24


@pytest.mark.parametrize(("nodes", "compared"), [(2, False), (3, True)])
def test_another_machine_with_as_many_cpus_was_not_recorded(
    trace: Trace, nodes: int, compared: bool
) -> None:
    """Of three nodes of two CPUs it was: only on that one is `single` beside what was recorded."""
    single = predictions(trace, ["node"], Machine.scaled(trace.node_of_cpu, nodes=nodes))[0]
    assert (single.ratio is not None) == (single.ratio_interval is not None) == compared


def test_memory_of_trees_is_that_of_the_machine(trace: Trace) -> None:
    large = Machine.scaled(trace.node_of_cpu, 384, 12)
    assert parse_policy("node").bytes_per_inode(large) == 8 + 96 + 12 * 64


def test_time_grows_with_acquisitions_and_not_with_files(tmp_path: Path) -> None:
    """Loosely: twice as many take less than four times as long, a thousand files not thrice."""

    def seconds(acquisitions: int, files: int) -> float:
        make(tmp_path / "storm", acquisitions, files)
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            with Recording(tmp_path / "storm") as recording:
                predict(recording, ["node"])
            best = min(best, time.process_time() - began)
        return best

    few = seconds(100_000, 1)
    assert seconds(200_000, 1) < 4 * few
    assert seconds(100_000, 1000) < 3 * few
