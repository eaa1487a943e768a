# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that no longer run are told from a machine on which nobody maps a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from immapscope.tracing.counting import Counting
from immapscope.tracing.pulse import Pulse, touch
from tests.tracing.arrays import SMALL, Maps


class World:
    """Trees that are changed by others and by us, and probes that see it or do not."""

    def __init__(self) -> None:
        self.counting = Counting(Maps(SMALL).descriptors.__getitem__, SMALL)
        self.counting.prepare([0, 1])
        self.probes_run = True
        self.touched = 0
        self.pulse = Pulse(self.counting, self.touch)

    def change(self) -> None:
        if self.probes_run:
            self.counting.cells["tree"][0, 0, 0] += 1

    def touch(self) -> None:
        self.touched += 1
        self.change()


@pytest.fixture
def world() -> World:
    return World()


def test_where_others_map_files_none_of_our_own_is(world: World) -> None:
    for _ in range(3):
        world.change()
        assert world.pulse.beats()
    assert world.touched == 0


def test_on_an_idle_machine_one_of_our_own_shows_that_probes_run(world: World) -> None:
    assert world.pulse.beats()
    assert world.pulse.beats()
    assert world.touched == 2


def test_probes_that_no_longer_run_are_told_and_told_when_they_do_again(world: World) -> None:
    world.probes_run = False
    world.change()
    assert not world.pulse.beats()
    assert not world.pulse.beats()
    world.probes_run = True
    assert world.pulse.beats()


def test_counts_that_went_with_their_slots_are_a_change_too(world: World) -> None:
    world.change()
    assert world.pulse.beats()
    world.counting.cells[:, 0] = 0
    assert world.pulse.beats()
    assert world.touched == 0


def no_memory() -> None:
    raise OSError(12, "Cannot allocate memory")


@pytest.mark.parametrize(("touch", "beats"), [(no_memory, True), (touch, False)])
def test_what_cannot_be_tried_is_no_reason(
    world: World, touch: Callable[[], None], beats: bool
) -> None:
    # The real one maps a real file, which changes no tree of this world.
    assert Pulse(world.counting, touch).beats() is beats
