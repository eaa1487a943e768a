# SPDX-License-Identifier: GPL-2.0-or-later
"""Slots go from file to file while programs run, and no count is lost, doubled or misattributed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.kernel.words import Operation
from immapscope.snapshot import Mode
from immapscope.tracing.counters import BURNED, CLAIMED, RETIRING, UNCLAIMED
from immapscope.tracing.counting import Counting
from immapscope.tracing.intervals import Intervals
from immapscope.tracing.recycling import Occupancy, Recycling, Slots
from immapscope.tracing.sizes import Sizes
from tests.tracing.agent import Agent, check_all_told, check_pools, told_by
from tests.tracing.arrays import SMALL, context, small_counting
from tests.tracing.model import File, Programs, Steps
from tests.tracing.storm import Storm
from tests.tracing.test_structs import C

LIBC, LOADER = File(101), File(102)
TASK, NODE = 1, 0


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("slots", "rows"), [(5, 3), (5, 40), (60, 3)])
@settings(max_examples=3)
@given(seed=st.integers(0, 1 << 32))
def test_intervals_add_up_to_what_happened_while_slots_go_from_file_to_file(
    mode: Mode, slots: int, rows: int, seed: int
) -> None:
    counting = small_counting(Sizes(cpus=2, nodes=2, files=slots, rows=16 + rows))
    storm = Storm(counting, Random(seed), files=9, tasks=6, full=mode is Mode.FULL, room=5)
    agent = Agent(counting, storm.programs, storm.grace, mode)
    counting.open(())
    rounds = 0
    while rounds < 10 or not agent.given_back:
        rounds += 1
        assert rounds < 1000, "no file was ever idle"
        storm.run(100)
        with storm.between_lines():
            agent.read()
        check_pools(counting, storm.programs)
    counting.control["running"] = 0
    storm.grace()
    agent.read()
    check_all_told(agent.intervals, storm.programs.truth)


class Session:
    """Programs that run when they are told to."""

    def __init__(self, sizes: Sizes = SMALL) -> None:
        self.counting = small_counting(sizes)
        self.counting.open(())
        self.programs = Programs(self.counting, room=8)
        self.during_grace: list[Steps] = []
        self.recycling = Recycling(self.counting, self._grace, self.programs.forget)

    def _grace(self) -> None:
        while self.during_grace:
            done(self.during_grace.pop())

    def state(self, slot: int) -> int:
        return int(self.counting.files["state"][slot])

    def begin_wait(self, file: File, task: int = TASK) -> None:
        done(self.programs.enter_slow_path(task, file, NODE, Operation.INSERT))

    def end_wait(self, file: File, task: int = TASK, *, interrupted: bool = False) -> None:
        done(self.programs.leave_slow_path(task, file, 1_000, interrupted))

    def wait(self, file: File) -> int:
        """A whole wait; returns the file's slot."""
        self.begin_wait(file)
        slot = self.programs.waiting[TASK].slot
        self.end_wait(file)
        return slot

    def retire(self, *slots: int) -> tuple[Slots, Slots]:
        """The slots and rows that were given back."""
        resting = self.recycling.mark(np.array(slots))
        return resting, self.recycling.free(resting)


def done(program: Steps) -> None:
    for _ in program:
        pass


@pytest.fixture
def session() -> Session:
    """Nothing has happened yet."""
    return Session()


def waiting(session: Session) -> None:
    session.begin_wait(LIBC, task=2)


def holding(session: Session) -> None:
    done(session.programs.acquire(2, LIBC, NODE))
    session.begin_wait(LIBC, task=2)
    session.end_wait(LIBC, task=2)


def trying(session: Session) -> None:
    session.programs.claim_early = True
    done(session.programs.acquire(2, LIBC, NODE, trying=True))


@pytest.mark.parametrize("begun", [waiting, holding, trying])
def test_a_file_that_something_is_unfinished_for_keeps_its_slot(
    session: Session, begun: Callable[[Session], None]
) -> None:
    slot = session.wait(LIBC)
    begun(session)
    resting, rows = session.retire(slot)
    assert (len(resting), len(rows), session.state(slot)) == (0, 0, CLAIMED)
    # As before: what comes next counts for the file.
    assert session.wait(LIBC) == slot


def interrupted(session: Session) -> None:
    session.begin_wait(LIBC)
    session.end_wait(LIBC, interrupted=True)


def end_not_seen(session: Session) -> None:
    session.begin_wait(LIBC)
    session.begin_wait(LOADER)


def no_room_to_remember(session: Session) -> None:
    for task in range(8):
        session.begin_wait(LOADER, task=100 + task)
    session.begin_wait(LIBC, task=200)


def released(session: Session) -> None:
    holding(session)
    done(session.programs.release(2, LIBC, 1_000, 500))


def taken_at_once(session: Session) -> None:
    session.programs.claim_early = True
    done(session.programs.acquire(2, LIBC, NODE))
    done(session.programs.release(2, LIBC, 0, 500))


def trylock_failed(session: Session) -> None:
    trying(session)
    done(session.programs.tried(2, LIBC, False))


def release_not_seen(session: Session) -> None:
    holding(session)
    session.programs.claim_early = False
    done(session.programs.acquire(2, LIBC, NODE))
    done(session.programs.release(2, LIBC, 0, 500))


FINISHED = (
    interrupted, end_not_seen, no_room_to_remember, released, taken_at_once, trylock_failed,
    release_not_seen,
)  # fmt: skip


@pytest.mark.parametrize("finished", FINISHED)
def test_whatever_way_it_ended_it_keeps_no_slot(
    session: Session, finished: Callable[[Session], None]
) -> None:
    slot = session.wait(LIBC)
    finished(session)
    resting, _ = session.retire(slot)
    assert list(resting) == [slot]
    assert session.state(slot) == UNCLAIMED


def test_what_comes_for_a_marked_file_is_counted_for_nobody(session: Session) -> None:
    slot = session.wait(LIBC)
    resting = session.recycling.mark(np.array([slot]))
    assert session.state(slot) == RETIRING
    before = session.counting.cells[:, slot].copy()
    session.wait(LIBC)
    done(session.programs.change_tree(TASK, LIBC, NODE, 0))
    assert session.programs.truth.of_files[None, "contended"] == 1
    assert session.programs.truth.of_files[None, "tree"] == 1
    assert (session.counting.cells[:, slot] == before).all()
    session.recycling.free(resting)


def test_a_program_that_had_found_the_slot_before_is_waited_for(session: Session) -> None:
    slot = session.wait(LIBC)
    late = session.programs.enter_slow_path(2, LIBC, NODE, Operation.INSERT)
    for _ in range(4):
        next(late)
    session.during_grace.append(late)
    assert len(session.recycling.mark(np.array([slot]))) == 0
    assert session.programs.waiting[2].slot == slot


def test_a_wait_that_is_just_being_counted_is_counted_to_its_end(session: Session) -> None:
    counting, slot = session.counting, session.wait(LIBC)
    session.begin_wait(LIBC, task=2)
    last = session.programs.leave_slow_path(2, LIBC, 1_000, False)

    def begins() -> None:
        while counting.rows["contended"].sum() == 1:
            next(last)
        assert counting.rows["wait_ns"].sum() == 1_000

    graces = iter((begins, lambda: done(last)))
    recycling = Recycling(counting, lambda: next(graces)(), session.programs.forget)
    # Nothing is unfinished, but not all is written.
    assert list(recycling.mark(np.array([slot]))) == [slot]
    read = counting.read().rows
    assert (read["contended"].sum(), read["wait_ns"].sum()) == (2, 2_000)


class Watched(np.ndarray[Any, Any]):
    """An array that is used on just before each copy of it is made."""

    before_copy: Callable[[], None]

    def __array_finalize__(self, of: object) -> None:
        self.before_copy = getattr(of, "before_copy", lambda: None)

    def copy(self, *_: Any) -> Any:
        self.before_copy()
        return np.array(self)


@pytest.mark.parametrize("array", ["files", "cells", "rows"])
def test_a_file_that_gets_a_slot_while_the_arrays_are_read_is_not_lost(
    session: Session, array: str
) -> None:
    counting, programs = session.counting, session.programs
    parts = Intervals(counting)
    session.retire(session.wait(LIBC))
    parts.next(context())
    for number in (201, 202, 203):
        session.wait(File(number))
    watched = getattr(counting, array).view(Watched)
    setattr(counting, array, watched)

    def meanwhile() -> None:
        watched.before_copy = lambda: None
        session.wait(LOADER)
        done(programs.change_tree(TASK, LOADER, NODE, 0))

    watched.before_copy = meanwhile
    told = told_by([parts.next(context()).snapshot for _ in range(2)])
    assert told.of_files[LOADER.number, "contended"] == 1
    assert told.of_files[LOADER.number, "tree"] == 1
    assert told.of_files[None, "tree"] == 0


def test_a_file_that_returns_has_another_slot_whose_counts_begin_at_0(session: Session) -> None:
    slot = session.wait(LIBC)
    session.retire(slot)
    assert session.wait(LIBC) == 2
    rows = session.counting.rows[session.counting.rows["contended"] != 0]
    assert [(int(row["slot"]), int(row["contended"])) for row in rows] == [(2, 1)]
    assert session.counting.cells["entered"][NODE, 2, 1] == 1


def test_a_file_may_return_before_its_old_slot_is_given_back(session: Session) -> None:
    slot = session.wait(LIBC)
    resting = session.recycling.mark(np.array([slot]))
    # Between the index's forgetting it and the clearing of its counters.
    session.during_grace.append(session.programs.enter_slow_path(2, LIBC, NODE, Operation.INSERT))
    session.recycling.free(resting)
    assert session.programs.waiting[2].slot == 2
    assert session.state(2) == CLAIMED
    assert session.counting.cells["entered"][NODE, 2, 1] == 1


def test_slots_go_round_and_round_and_each_is_given_once(session: Session) -> None:
    for number in range(200, 300):
        slot = session.wait(File(number))
        assert slot == (number - 200) % 4 + 1
        session.retire(slot)
        check_pools(session.counting, session.programs)
    assert session.counting.control["files"]["given"][0] == 100


def test_when_no_slot_is_free_a_file_is_counted_for_nobody_and_then_has_the_next(
    session: Session,
) -> None:
    slots = [session.wait(File(number)) for number in range(200, 205)]
    assert slots == [1, 2, 3, 4, 0]
    session.retire(3)
    assert session.wait(File(204)) == 3


def test_rows_go_with_their_file_and_no_others(session: Session) -> None:
    libc, loader = session.wait(LIBC), session.wait(LOADER)
    rows = session.counting.rows
    of_libc, of_loader = (
        np.flatnonzero(rows["slot"] == libc),
        np.flatnonzero(rows["slot"] == loader),
    )
    _, given = session.retire(libc)
    assert list(given) == list(of_libc)
    assert rows["contended"][of_loader] == 1
    # Nor the coarse ones, which are of no file.
    assert (rows["state"][:16] == CLAIMED).all()


def test_a_row_of_a_file_that_went_is_there_for_another(session: Session) -> None:
    for number in range(200, 250):
        slot = session.wait(File(number))
        assert session.programs.truth.of_files[number, "contended"] == 1
        session.retire(slot)
        check_pools(session.counting, session.programs)
    assert session.counting.control["rows"]["next"][0] == SMALL.rows


def test_only_what_a_file_has_is_marked(session: Session) -> None:
    slot = session.wait(LIBC)
    resting = session.recycling.mark(np.array([0, slot, slot, slot + 1]))
    assert list(resting) == [slot]
    assert list(session.counting.files["state"]) == [0, RETIRING, 0, 0, 0]
    assert len(session.recycling.mark(np.array([], np.intp))) == 0


def beaten(session: Session, file: File) -> int:
    """A CPU claims for the file, but another is quicker, and a third takes the next slot."""
    slow = session.programs.claim_file(file)
    next(slow)
    slot = int(session.counting.control["files"]["next"][0])
    next(slow)
    session.wait(file)
    session.wait(File(999))
    for _ in slow:
        pass
    return slot


def test_a_slot_that_a_slower_cpu_took_is_collected_and_given_again(session: Session) -> None:
    slot = beaten(session, LIBC)
    assert session.state(slot) == BURNED
    session.recycling.collect_burned()
    session.recycling.collect_burned()
    check_pools(session.counting, session.programs)
    assert session.state(slot) == UNCLAIMED
    assert session.wait(File(203)) == 4
    assert session.wait(File(204)) == slot


def test_how_many_slots_are_taken_is_known_at_any_time(session: Session) -> None:
    recycling = session.recycling
    assert recycling.occupancy() == Occupancy(taken=0, room=4)
    session.wait(LIBC)
    session.wait(LOADER)
    assert recycling.occupancy() == Occupancy(taken=2, room=4)
    assert recycling.occupancy().free == 2
    assert list(recycling.claimed()) == [1, 2]
    session.retire(1)
    assert list(recycling.claimed()) == [2]


@pytest.mark.parametrize(("struct", "array"), [("file_key", "files"), ("row_key", "rows")])
def test_what_is_forgotten_is_the_whole_key(session: Session, struct: str, array: str) -> None:
    forgotten: list[tuple[str, bytes]] = []
    recycling = Recycling(
        session.counting, lambda: None, lambda index, key: forgotten.append((index, key))
    )
    session.wait(LIBC)
    recycling.free(recycling.mark(np.array([1])))
    index = {"files": "file_index", "rows": "row_index"}[array]
    (key,) = [key for name, key in forgotten if name == index]
    assert len(key) == C.struct(struct).size


def test_counting_goes_on_though_the_last_slot_was_given_back(session: Session) -> None:
    counting: Counting = session.counting
    session.retire(session.wait(LIBC))
    assert counting.read().files[1]["state"] == UNCLAIMED
