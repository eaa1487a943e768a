# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever happened to the locks, counters that tell of it make a snapshot that keeps the law.

A lock's story is what the probes can see of one acquisition, from entry to release, with all that
can go missing on the way; see the conservation law of docs/architecture.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.kernel.words import Cause, Operation
from immapscope.law import law
from immapscope.snapshot import Mode, PerUnit, Snapshot
from immapscope.tracing.assemble import ACQUISITION, WAIT
from tests.tracing.counted import CONTEXT, REASONS, Counted, Wait

FILES, NODES = 4, 2


@dataclass(frozen=True, slots=True)
class Lock:
    """Where one story happens."""

    counted: Counted
    slot: int
    node: int
    operation: Operation
    wait: Wait
    full: bool

    def taken_at_once(self) -> None:
        if self.full:
            self.counted.free(self.slot, self.node, self.operation)

    def waited_for(self) -> None:
        self.counted.waited(self.slot, self.node, self.operation, self.wait, full=self.full)

    def wait_interrupted(self) -> None:
        wait = replace(self.wait, interrupted=True)
        self.counted.waited(self.slot, self.node, self.operation, wait, full=False)

    def trylock_failed(self) -> None:
        if self.full:
            self.counted.fail_to_try(self.slot, self.node)

    def held_at_the_end(self) -> None:
        if self.full:
            self.counted.still_held(self.slot, self.node)

    def held_after_a_wait_at_the_end(self) -> None:
        if self.full:
            self.counted.still_held(self.slot, self.node, contended=True)

    def waiting_at_the_end(self) -> None:
        self.counted.still_waiting(self.slot, self.node, full=self.full)

    def forgotten_at_its_entry(self) -> None:
        """No room for its state; the release finds nothing and counts as of before."""
        if self.full:
            self.counted.enter(self.slot, self.node, ACQUISITION)
            self.counted.lose(self.slot, self.node, "state_full")
            self.counted.cpus[self.node]["boundary"][ACQUISITION] += 1

    def wait_forgotten_at_its_entry(self) -> None:
        self._wait_lost("wait_state_full")
        self.counted.cpus[self.node]["boundary"][WAIT] += 1

    def end_of_wait_not_seen(self) -> None:
        self._wait_lost("exit_missed")

    def _wait_lost(self, reason: str) -> None:
        self.counted.enter(self.slot, self.node, WAIT)
        self.counted.lose(self.slot, self.node, reason)
        self.taken_at_once()

    def release_not_seen(self) -> None:
        self._acquisition_lost("release_missed")

    def return_of_trylock_not_seen(self) -> None:
        self._acquisition_lost("return_missed")

    def _acquisition_lost(self, reason: str) -> None:
        if self.full:
            self.counted.enter(self.slot, self.node, ACQUISITION)
            self.counted.lose(self.slot, self.node, reason)

    def no_row_left(self) -> None:
        self.counted.enter(self.slot, self.node, WAIT)
        self.counted.lose(self.slot, self.node, "rows_full_waits")
        self._acquisition_lost("rows_full")

    def begun_before_the_session(self) -> None:
        """In no sum."""
        self.counted.cpus[self.node]["boundary"] += 1


STORIES: tuple[Callable[[Lock], None], ...] = (
    Lock.taken_at_once,
    Lock.waited_for,
    Lock.wait_interrupted,
    Lock.trylock_failed,
    Lock.held_at_the_end,
    Lock.held_after_a_wait_at_the_end,
    Lock.waiting_at_the_end,
    Lock.forgotten_at_its_entry,
    Lock.wait_forgotten_at_its_entry,
    Lock.end_of_wait_not_seen,
    Lock.release_not_seen,
    Lock.return_of_trylock_not_seen,
    Lock.no_row_left,
    Lock.begun_before_the_session,
)

waits = st.builds(
    Wait,
    ns=st.integers(1_000, 10**12),
    spin_ns=st.integers(0, 1_000),
    holder=st.integers(1, 3),
    holder_node=st.integers(0, NODES - 1),
    cause=st.integers(0, Cause.OTHER.code),
    reader=st.booleans(),
)
# Made once: one that is made while drawing is looked into anew for each example.
story_lists = st.lists(
    st.tuples(
        st.sampled_from(STORIES),
        st.integers(0, FILES - 1),
        st.integers(0, NODES - 1),
        st.sampled_from([one for one in Operation if one is not Operation.OTHER]),
        waits,
    ),
    max_size=30,
)


@dataclass(frozen=True, slots=True)
class Session:
    """What was counted, and how often each story was told of each file."""

    counted: Counted
    mode: Mode
    told: Counter[tuple[str, int]]

    def snapshot(self, *, closed: bool = True, slot: int | None = None) -> Snapshot:
        context = replace(CONTEXT, mode=self.mode)
        if slot is not None:
            context = replace(context, wanted=lambda inode: inode.number == 1000 + slot)
        return self.counted.snapshot(context, closed=closed)


@st.composite
def sessions(draw: st.DrawFn, modes: tuple[Mode, ...] = tuple(Mode)) -> Session:
    mode = draw(st.sampled_from(modes))
    counted = Counted(files=FILES, nodes=NODES)
    for slot in range(1, FILES):
        counted.name(slot, b"file")
    told: Counter[tuple[str, int]] = Counter()
    for story, slot, node, operation, wait in draw(story_lists):
        story(Lock(counted, slot, node, operation, wait, mode is Mode.FULL))
        told[story.__name__, slot] += 1
    return Session(counted, mode, told)


def differences(snapshot: Snapshot) -> dict[str, int]:
    return {one.left_name: one.difference for one in law(snapshot) if one.difference}


@settings(max_examples=40)
@given(sessions())
def test_both_sides_of_every_equation_are_equal(session: Session) -> None:
    assert differences(session.snapshot()) == {}


@settings(max_examples=40)
@given(sessions(), st.integers(1, FILES - 1))
def test_they_are_equal_for_one_file_too(session: Session, slot: int) -> None:
    assert differences(session.snapshot(slot=slot)) == {}


@settings(max_examples=40)
@given(sessions((Mode.FULL,)))
def test_nothing_that_happened_is_counted_as_something_else(session: Session) -> None:
    told: Counter[str] = Counter()
    for (story, _), count in session.told.items():
        told[story] += count
    snapshot = session.snapshot()
    assert snapshot.totals.contended == told["waited_for"]
    assert snapshot.totals.interrupted == told["wait_interrupted"]
    assert snapshot.totals.failed_trylocks == told["trylock_failed"]
    assert snapshot.totals.acquisitions == (
        told["taken_at_once"]
        + told["waited_for"]
        + told["wait_forgotten_at_its_entry"]
        + told["end_of_wait_not_seen"]
    )
    assert snapshot.in_flight == PerUnit(
        acquisitions=told["held_at_the_end"]
        + told["held_after_a_wait_at_the_end"]
        + told["waiting_at_the_end"],
        waits=told["held_after_a_wait_at_the_end"] + told["waiting_at_the_end"],
    )
    assert snapshot.boundary == told["begun_before_the_session"]
    assert {reason: loss.count for reason, loss in snapshot.loss.items() if loss.count} == {
        reason: count
        for reason, count in {
            "state_full": told["forgotten_at_its_entry"],
            "wait_state_full": told["wait_forgotten_at_its_entry"],
            "exit_missed": told["end_of_wait_not_seen"],
            "release_missed": told["release_not_seen"],
            "return_missed": told["return_of_trylock_not_seen"],
            "rows_full": told["no_row_left"],
            "rows_full_waits": told["no_row_left"],
        }.items()
        if count
    }


@settings(max_examples=40)
@given(sessions((Mode.CONTENTION,)))
def test_boundary_in_contention_mode_is_of_waits(session: Session) -> None:
    begun = sum(n for (story, _), n in session.told.items() if story == "begun_before_the_session")
    assert session.snapshot().boundary == begun


@settings(max_examples=40)
@given(sessions())
def test_while_it_runs_what_is_not_finished_is_in_flight(session: Session) -> None:
    assert session.snapshot(closed=False).in_flight == session.snapshot().in_flight


def _enter(unit: int, counted: Counted) -> None:
    counted.cpus[0]["entered"][unit] += 1


def _lose(reason: str, counted: Counted) -> None:
    counted.lose(1, 0, reason)


def _finish(counted: Counted) -> None:
    counted.free(1, 0, entered=False)


def _fail_to_try(counted: Counted) -> None:
    counted.cells[0, 1]["failed_trylocks"] += 1


def _hold(counted: Counted) -> None:
    counted.held.append((1, 0))


def _wait(counted: Counted) -> None:
    counted.waiting.append(1)


CHANGES: dict[str, tuple[Callable[[Counted], None], str]] = {
    "an acquisition entered": (partial(_enter, ACQUISITION), "acquisitions entered"),
    "a wait entered": (partial(_enter, WAIT), "waits entered"),
    "an acquisition finished": (_finish, "acquisitions entered"),
    "a trylock failed": (_fail_to_try, "acquisitions entered"),
    "a hold at the end": (_hold, "acquisitions entered"),
    "a wait at the end": (_wait, "waits entered"),
    "no state": (partial(_lose, "state_full"), "acquisitions entered"),
    "no release": (partial(_lose, "release_missed"), "acquisitions entered"),
    "no return": (partial(_lose, "return_missed"), "acquisitions entered"),
    "no row": (partial(_lose, "rows_full"), "acquisitions entered"),
    "no state of a wait": (partial(_lose, "wait_state_full"), "waits entered"),
    "no end of a wait": (partial(_lose, "exit_missed"), "waits entered"),
    "no row of a wait": (partial(_lose, "rows_full_waits"), "waits entered"),
}


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=15)
@given(session=sessions((Mode.FULL,)))
def test_one_counter_too_many_breaks_the_law(change: str, session: Session) -> None:
    apply, broken = CHANGES[change]
    apply(session.counted)
    assert [name for name, by in differences(session.snapshot()).items() if abs(by) == 1] == [
        broken
    ]


@pytest.mark.parametrize("reason", ["stack_unreadable", "stack_collided", "stack_weights_full"])
def test_a_stack_that_was_lost_is_no_wait_that_was_lost(reason: str) -> None:
    counted = Counted()
    counted.name(1, b"file")
    counted.waited(1, 0)
    counted.lose(1, 0, reason)
    snapshot = counted.snapshot()
    assert differences(snapshot) == {}
    assert snapshot.loss[reason].count == 1


def test_what_the_kernel_skipped_is_an_upper_bound_of_what_was_ours() -> None:
    counted = Counted()
    counted.recursion = {
        "recursion": 5,
        "recursion_waits": 0,
        "recursion_tree_operations": 2,
    }
    _enter(ACQUISITION, counted)
    snapshot = counted.snapshot()
    assert {
        reason: (str(loss.unit), loss.count)
        for reason, loss in snapshot.loss.items()
        if loss.upper_bound
    } == {
        "recursion": ("acquisitions", 5),
        "recursion_waits": ("waits", 0),
        "recursion_tree_operations": ("tree_operations", 2),
    }
    assert all(equation.holds for equation in law(snapshot))


def test_every_reason_is_there_though_nothing_was_lost() -> None:
    assert {reason for reason, loss in Counted().snapshot().loss.items() if loss.count == 0} == {
        *REASONS,
        "recursion",
        "recursion_waits",
        "recursion_tree_operations",
    }
