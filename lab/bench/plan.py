# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured in which guest, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.bench import accuracy, events, lock_stat, scale, tools
from lab.bench.guests import compare, measure
from lab.bench.results import IDLE

MODES: Final = ("contention-without-trees", "contention", "full")
OURS: Final = tuple(kind for mode in MODES for kind in (f"{mode}-empty", mode))
#: How often; the idle machine for so many seconds.
COUNTED: Final = {"exec": 300, "fork": 300, "mmap": 3000, IDLE: 60}
#: Of each of so many tasks.
STORM: Final = {"exec": 60}
_TASKS: Final = 16

#: Of runs with nothing and under a tool, in turn. A storm's times scatter.
_ROUNDS: Final = 3
_STORM_ROUNDS: Final = 9


@dataclass(frozen=True)
class Guest:
    """What measures, by kernel and rounds (None: its own number), as what is kept in JSON.

    `alone`: it compares times, so nothing else may run beside it. `kernels`: of our own, to be
    built before.
    """

    measure: Callable[[str, int | None], Any]
    alone: bool = False
    kernels: tuple[str, ...] = ()


def works(counts: Mapping[str, int], tasks: str = "") -> list[str]:
    """As guest/measure.py is given them."""
    return [f"{work}:{count}{tasks}" for work, count in counts.items()]


def _lock_stat(_kernel: str, rounds: int | None) -> Any:
    kernels = {
        "without": (lock_stat.WITHOUT, lock_stat.NOTHING),
        "counting": (lock_stat.WITH, lock_stat.COUNTING),
    }
    return {
        which: measure(kernel, names, works(COUNTED), rounds or _ROUNDS, counted=True)
        for which, (kernel, names) in kernels.items()
    }


GUESTS: Final[Mapping[str, Guest]] = {
    "counted": Guest(
        lambda kernel, rounds: measure(
            kernel,
            (*OURS, "daemon", *tools.CONTENDERS),
            works(COUNTED),
            rounds or _ROUNDS,
            counted=True,
        ),
    ),
    "events": Guest(
        lambda kernel, _: [
            one
            for works in (events.WORKS, events.WAITS)
            for one in measure(kernel, events.SESSIONS, works, 1, counted=True)
        ],
    ),
    "scale": Guest(
        lambda kernel, rounds: measure(
            kernel, scale.CONTENDERS, scale.WORKS, rounds or _ROUNDS, counted=True
        ),
    ),
    "lock_stat": Guest(_lock_stat, kernels=(lock_stat.WITHOUT, lock_stat.WITH)),
    "storm": Guest(
        lambda kernel, rounds: measure(
            kernel,
            (*OURS[1::2], *tools.OF_WAITS),
            works(STORM, f":{_TASKS}"),
            rounds or _STORM_ROUNDS,
            counted=False,
        ),
        alone=True,
    ),
    "accuracy": Guest(
        lambda kernel, _: compare(kernel, accuracy.MAPS, accuracy.SECONDS, accuracy.WORKLOADS),
    ),
    "lockup": Guest(
        lambda _kernel, _: compare(
            lock_stat.WITH, accuracy.MAPS, accuracy.SECONDS, accuracy.OF_THE_MODULE
        ),
        kernels=(lock_stat.WITH,),
    ),
}
