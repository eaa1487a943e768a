# SPDX-License-Identifier: GPL-2.0-or-later
"""What replays of one design came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.customers import World
from immapscope.whatif.design import INVERTED, Design


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of all repetitions: `waits` in ns by repetition and block, the rest means.

    `taken`: acquisitions of each tree of the file that is changed most. `busiest_ns`: most holds
    for write of one lock, and its being kept for those who were promised it.
    """

    waits: NDArray[np.float64]
    contended: int
    handoffs: int
    remote: int
    taken: NDArray[np.int64]
    busiest_ns: float
    sweeps: int
    sweep_wait_ns: float
    sweep_ns: float
    done: int
    drawn: int


def outcome_of(world: World, design: Design) -> Outcome:
    """What a replay came to."""
    numbers, state, locks = design.numbers[0], world.state[0], world.locks
    by_file = locks["taken"].reshape(-1, int(numbers["locks"]))
    by_file = by_file[:, 1:] if numbers["layout"] == INVERTED else by_file
    return Outcome(
        waits=world.waits[None, :],
        contended=int(state["contended"]),
        handoffs=int(state["handoffs"]),
        remote=int(state["remote"]),
        taken=by_file[by_file.sum(axis=1).argmax()].copy(),
        busiest_ns=float(locks["busy"].max()),
        sweeps=int(state["sweeps"]),
        sweep_wait_ns=float(state["sweep_wait"]),
        sweep_ns=float(state["sweep_took"]),
        done=int(state["done"]),
        drawn=int(state["drawn"]),
    )


def mean_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Of repetitions of one replay."""

    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(outcomes)

    return Outcome(
        waits=np.concatenate([one.waits for one in outcomes]),
        contended=round(mean(one.contended for one in outcomes)),
        handoffs=round(mean(one.handoffs for one in outcomes)),
        remote=round(mean(one.remote for one in outcomes)),
        taken=np.sum([one.taken for one in outcomes], axis=0),
        busiest_ns=mean(one.busiest_ns for one in outcomes),
        sweeps=round(mean(one.sweeps for one in outcomes)),
        sweep_wait_ns=mean(one.sweep_wait_ns for one in outcomes),
        sweep_ns=mean(one.sweep_ns for one in outcomes),
        done=round(mean(one.done for one in outcomes)),
        drawn=round(mean(one.drawn for one in outcomes)),
    )
