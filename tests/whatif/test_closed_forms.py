# SPDX-License-Identifier: GPL-2.0-or-later
"""Queues whose waits are known in closed form, as recordings: M/M/1, M/D/1, machine repair.

Thinks, holds and arrivals are drawn once, from a seed; what was recorded as waiting is nothing, so
that every wait is the model's own. Of an open queue a recursion says all waits to the nanosecond:
it is held against the closed form on many arrivals, the model against it on the first of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.whatif.predict import predict
from immapscope.whatif.results import Prediction
from tests.whatif.made import acquired, header, inserted, write

MEAN_HOLD_NS = 10_000.0
#: One CPU for each of so many nodes; nobody lacks one.
CPUS = 64


def replayed(path: Path, policies: list[str], **columns: NDArray[np.int64]) -> list[Prediction]:
    """What becomes of these acquisitions, each of a new VMA."""
    rows = acquired(**columns)
    last = int(columns["asked"].max() + columns["hold"].max())
    tree = inserted(rows, np.arange(1, len(columns["task"]) + 1) * 64)
    of_machine = header(list(range(CPUS)), duration_ns=last)
    write(path, of_machine, {Kind.ACQUISITION: rows, Kind.TREE: tree})
    with Recording(path) as recording:
        return predict(recording, policies)


def arrivals(
    random: np.random.Generator, count: int, load: float, holds: NDArray[np.float64]
) -> dict[str, NDArray[np.int64]]:
    """Each by a task that does nothing else before it is long forgotten."""
    asked = np.cumsum(random.exponential(MEAN_HOLD_NS / load, count))
    number = np.arange(count)
    return {
        "task": 1 + number % 4_000_000, "asked": asked.astype(np.int64),
        "hold": holds.astype(np.int64),
    }  # fmt: skip


def mean_wait(prediction: Prediction) -> float:
    return prediction.wait_ns / prediction.acquisitions


def served_in_turn(columns: dict[str, NDArray[np.int64]]) -> int:
    """All waiting of one server, by Lindley: each waits for what the one before did and held."""
    longer = columns["hold"][:-1] - np.diff(columns["asked"])
    ahead = np.concatenate([[0], np.cumsum(longer)])
    return int((ahead - np.minimum.accumulate(ahead)).sum())


def check_open(folder: Path, columns: dict[str, NDArray[np.int64]], mean_ns: float) -> None:
    """The recursion on all of it, the model on the first of it."""
    assert served_in_turn(columns) / len(columns["asked"]) == pytest.approx(mean_ns, rel=0.01)
    first = {name: column[:100_000] for name, column in columns.items()}
    (single,) = replayed(folder / "open", ["single"], **first)
    assert single.wait_ns == served_in_turn(first)


def test_m_m_1(tmp_path: Path) -> None:
    random, count, load = np.random.default_rng(3), 1_000_000, 0.4
    columns = arrivals(random, count, load, random.exponential(MEAN_HOLD_NS, count))
    check_open(tmp_path, columns, load / (1 - load) * MEAN_HOLD_NS)


def test_m_d_1(tmp_path: Path) -> None:
    random, count, load = np.random.default_rng(5), 1_000_000, 0.5
    columns = arrivals(random, count, load, np.full(count, MEAN_HOLD_NS))
    check_open(tmp_path, columns, load / (2 * (1 - load)) * MEAN_HOLD_NS)


def closed(
    random: np.random.Generator, tasks: int, rounds: int, think: float
) -> dict[str, NDArray[np.int64]]:
    """Tasks that think and hold in turn, as if nobody had ever waited; each on a CPU of its own."""
    thinks = random.exponential(think, (tasks, rounds))
    holds = random.exponential(MEAN_HOLD_NS, (tasks, rounds))
    before = np.concatenate([np.zeros((tasks, 1)), holds[:, :-1]], axis=1)
    asked = np.cumsum(thinks + before, axis=1)
    order = np.argsort((asked + holds).ravel(), kind="stable")
    task = np.repeat(np.arange(tasks), rounds)[order]
    return {
        "task": 1 + task, "cpu": task, "asked": asked.ravel()[order].astype(np.int64),
        "hold": holds.ravel()[order].astype(np.int64),
    }  # fmt: skip


def repairman(tasks: int, think: float) -> float:
    """The mean wait of N machines that one man repairs: N / X - Z - S by Little's law."""
    weight = [1.0]
    for down in range(1, tasks + 1):
        weight.append(weight[-1] * (tasks - down + 1) * MEAN_HOLD_NS / think)
    rate = (1 - weight[0] / sum(weight)) / MEAN_HOLD_NS
    return tasks / rate - think - MEAN_HOLD_NS


@pytest.mark.parametrize(("tasks", "think"), [(4, 30_000.0), (32, 200_000.0)])
def test_machine_repair(tmp_path: Path, tasks: int, think: float) -> None:
    columns = closed(np.random.default_rng(7), tasks, 400_000 // tasks, think)
    (single,) = replayed(tmp_path / "repair", ["single"], **columns)
    assert mean_wait(single) == pytest.approx(repairman(tasks, think), rel=0.01)


def test_independent_servers(tmp_path: Path) -> None:
    """A tree for each CPU, 8 tasks on each of 4 CPUs: four repairmen, each alone with his own."""
    columns = closed(np.random.default_rng(9), 32, 12_500, 60_000.0)
    columns["cpu"] = columns["cpu"] % 4
    _, split = replayed(tmp_path / "servers", ["cpu"], **columns)
    assert mean_wait(split) == pytest.approx(repairman(8, 60_000.0), rel=0.01)
    assert split.remote == 0


def test_a_tree_for_each_task_waits_for_nothing(tmp_path: Path) -> None:
    columns = closed(np.random.default_rng(9), 32, 500, 60_000.0)
    single, split = replayed(tmp_path / "alone", ["cpu"], **columns)
    assert single.wait_ns > 0
    assert (split.wait_ns, split.contended) == (0, 0)
