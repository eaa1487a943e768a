# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds in the kernel: whatever tasks do, each finds its own, and what has no room is told.

probes/held.c itself, compiled for this machine; see native/held.cpp.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.tracing.source import probes_directory
from lab import cache

DRIVER = Path(__file__).parent / "native/held.cpp"
#: Places, and as many holds elsewhere.
FEW, MANY = 3, 64

Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["remember", "find", "forget"]),
        st.integers(1, 7),
        st.sampled_from([8, 16, 24]),
    ),
    max_size=60,
)


def compiled(room: int) -> Path:
    """The driver, with room for so many; made once for each content, as workloads are."""
    words = ["g++", "-std=c++20", "-O2", "-Wall", "-Werror", f"-DHELD={room}", "-pthread"]
    made_of = (path.read_bytes() for path in (DRIVER, *sorted(probes_directory().rglob("*.[ch]"))))

    def compile_into(folder: Path) -> None:
        subprocess.run(
            [*words, f"-I{probes_directory()}", "-o", folder / "held", DRIVER],
            check=True, timeout=120,
        )  # fmt: skip

    return cache.entry("held", cache.key(*words, *made_of), compile_into) / "held"


@pytest.fixture(scope="module")
def few() -> Path:
    return compiled(FEW)


class Model:
    """A place for each task's number modulo FEW, whoever has it, and FEW holds elsewhere."""

    def __init__(self) -> None:
        self.places: dict[int, tuple[int, int]] = {}
        self.elsewhere: set[tuple[int, int]] = set()

    def step(self, what: str, task: int, sem: int) -> str:
        """What the driver says to it."""
        hold, place = (task, sem), task % FEW
        has = self.places.get(place) == hold or hold in self.elsewhere
        if what == "find":
            return str(task << 32 | sem) if has else "none"
        if what == "forget":
            if self.places.get(place) == hold:
                del self.places[place]
            self.elsewhere.discard(hold)
            return "done"
        if place not in self.places:
            self.places[place] = hold
            return "yes"
        if len(self.elsewhere) == FEW:
            return "no room"
        self.elsewhere.add(hold)
        return "yes"


def only_new(steps: list[Step]) -> list[tuple[Step, str]]:
    """With what the model says; a lock that the task has is not asked for anew."""
    model, told = Model(), []
    for what, task, sem in steps:
        if what == "remember" and model.step("find", task, sem) != "none":
            continue
        told.append(((what, task, sem), model.step(what, task, sem)))
    return told


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_each_task_finds_its_own_holds(few: Path, steps: list[Step]) -> None:
    told = only_new(steps)
    lines = "".join(f"{what} {task} {sem}\n" for (what, task, sem), _ in told)
    done = subprocess.run([few], input=lines, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [answer for _, answer in told]


def test_tasks_that_hold_at_once_do_not_lose_each_others() -> None:
    done = subprocess.run(
        [compiled(MANY), "2", "3000000"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 astray, 0 elsewhere\n"
