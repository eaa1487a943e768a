# SPDX-License-Identifier: GPL-2.0-or-later
"""Files keep their slots while something happens to them; the longest idle make room for others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.daemon.keeper import SCARCE, Keeper
from immapscope.tracing.recycling import Slots

ROOM = 100
IDLE_AFTER = 600.0


def slots(numbers: Iterable[int]) -> Slots:
    return np.array(sorted(numbers), np.intp)


class Kept:
    """A session of 100 slots, of which these files have some."""

    def __init__(self, claimed: Iterable[int]) -> None:
        self.claimed = slots(claimed)
        self.keeper = Keeper(ROOM + 1)

    def read(self, at: float, active: Sequence[int] = ()) -> None:
        self.keeper.note(slots(active), self.claimed, at)

    def due(self, at: float, idle_after: float = IDLE_AFTER) -> list[int]:
        return list(map(int, self.keeper.due(self.claimed, ROOM, at, idle_after)))


def test_nothing_is_due_before_the_first_reading() -> None:
    assert Kept(range(1, 100)).due(10_000) == []


def test_a_file_that_was_idle_for_long_enough_is_due_and_not_before() -> None:
    kept = Kept([1, 2])
    kept.read(1_000, [1, 2])
    kept.read(1_015, [2])
    assert kept.due(1_000 + IDLE_AFTER - 0.5) == []
    assert kept.due(1_000 + IDLE_AFTER) == [1]


def test_idle_time_counts_from_the_last_reading_that_found_something() -> None:
    kept = Kept([1])
    for at in range(1_000, 3_000, 100):
        kept.read(at, [1])
    kept.read(3_000)
    assert kept.due(2_900 + IDLE_AFTER - 1) == []
    assert kept.due(2_900 + IDLE_AFTER) == [1]


def test_what_had_something_new_in_the_newest_reading_stays_however_late_it_is() -> None:
    kept = Kept(range(1, 101))
    kept.read(1_000, range(1, 101))
    # Slots are scarce, and the reading after it comes very late.
    assert kept.due(1_000 + 10 * IDLE_AFTER) == []


def test_a_file_that_came_after_the_newest_reading_stays() -> None:
    kept = Kept([1])
    kept.read(1_000, [1])
    kept.read(1_015)
    kept.claimed = slots(range(1, 101))
    # Only the one whose idleness was seen: of the others nothing is known yet.
    assert kept.due(1_020) == [1]


def test_a_new_file_that_shows_nothing_is_idle_since_it_was_seen() -> None:
    # Its slot was claimed, and its first event is counted a moment after the reading.
    kept = Kept([1])
    kept.read(1_000)
    assert kept.due(1_001) == []
    kept.read(1_015)
    assert kept.due(1_000 + IDLE_AFTER - 1) == []
    assert kept.due(1_000 + IDLE_AFTER) == [1]


def test_the_longest_idle_go_first_and_down_to_half_where_slots_are_scarce() -> None:
    kept = Kept(range(1, 81))
    for at, number in enumerate(reversed(range(1, 81)), start=1_000):
        kept.read(at, [number])
    kept.read(1_100)
    # 20 of 100 are free; 80 was active first, then 79.
    assert kept.due(1_115) == list(range(80, 50, -1))


@pytest.mark.parametrize(("taken", "given"), [(75, 0), (76, 26), (100, 50)])
def test_scarce_is_less_than_a_quarter_free(taken: int, given: int) -> None:
    kept = Kept(range(1, taken + 1))
    kept.read(1_000)
    kept.read(1_015)
    assert len(kept.due(1_030)) == given
    assert ROOM - taken + given >= (ROOM * SCARCE if given == 0 else ROOM / 2)


def test_more_go_than_are_needed_if_they_were_idle_for_long() -> None:
    kept = Kept(range(1, 81))
    kept.read(1_000)
    kept.read(2_000, [1])
    assert kept.due(2_015) == list(range(2, 81))


def test_a_slot_that_was_given_back_starts_anew() -> None:
    kept = Kept([1])
    kept.read(1_000, [1])
    kept.read(1_700)
    assert kept.due(1_700) == [1]
    kept.keeper.forget(slots([1]))
    assert kept.due(1_715) == []
    kept.read(1_715)
    kept.read(1_730)
    assert kept.due(1_715 + IDLE_AFTER - 1) == []


def test_a_slot_that_no_file_had_meanwhile_starts_anew() -> None:
    # As where another CPU had been quicker, which no reading gave back.
    kept = Kept([1])
    kept.read(1_000)
    kept.claimed = slots([])
    kept.read(1_015)
    kept.claimed = slots([1])
    assert kept.due(5_000) == []
    kept.read(5_000)
    kept.read(5_015)
    assert kept.due(5_030) == []


@given(
    history=st.lists(
        st.tuples(
            st.sets(st.integers(1, ROOM), max_size=ROOM),
            st.sets(st.integers(1, ROOM), max_size=20),
            st.floats(1, 400),
        ),
        min_size=1,
        max_size=8,
    ),
    later=st.floats(0, 1000),
)
def test_whatever_happened_only_idle_files_go_and_no_more_than_needed(
    history: list[tuple[set[int], set[int], float]], later: float
) -> None:
    kept = Kept([])
    now = 5_000.0
    since: dict[int, float] = {}
    for claimed, active, seconds in history:
        now += seconds
        claimed |= active
        kept.claimed = slots(claimed)
        kept.read(now, sorted(active))
        since = {one: now if one in active else since.get(one, now) for one in claimed}
    due = kept.due(now + later)
    stay = since.keys() - set(due)
    assert len(due) == len(set(due))
    assert all(since[number] < now for number in due)
    # The longest idle first, and nobody who stays was idle for longer.
    assert [since[number] for number in due] == sorted(since[number] for number in due)
    assert all(since[number] >= since[due[-1]] for number in stay if due)
    long_idle = [one for one in since if since[one] < now and now + later - since[one] >= 600]
    free = ROOM - len(since)
    if free >= ROOM * SCARCE:
        assert set(due) == set(long_idle)
    else:
        idle = sum(1 for one in since.values() if one < now)
        assert len(due) == min(idle, max(len(long_idle), ROOM // 2 - free))
