# SPDX-License-Identifier: GPL-2.0-or-later
"""A session for months: files come and go, each is named while it matters, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import pytest

from immapscope.daemon.observer import Observer, Reading
from immapscope.kernel.words import Operation
from immapscope.settings import Settings
from immapscope.snapshot import Mode, Snapshot
from immapscope.tracing.counters import BURNED, UNCLAIMED
from immapscope.tracing.counting import Counting
from immapscope.tracing.handover import Order
from immapscope.tracing.request import Attach
from tests.daemon.configured import configured
from tests.daemon.sessions import PROGRAMS, Machine, descriptors, done
from tests.synthetic import KERNEL
from tests.tracing.agent import check_all_told, check_pools
from tests.tracing.counted import DEVICE
from tests.tracing.model import File
from tests.tracing.storm import Storm

LIBC = File(101)
IDLE_AFTER = 600.0
FEW_SLOTS = configured({"files": {"tracked": 5}})
SIXTY_SLOTS = configured({"files": {"tracked": 61}})


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine that can be traced, with rows enough."""
    machine = Machine(monkeypatch, rows=200)
    yield machine
    machine.let_go()


def opened(settings: Settings = SIXTY_SLOTS) -> Observer:
    observer = Observer(settings)
    observer.open()
    return observer


def waits_of(snapshot: Snapshot) -> dict[int | None, int]:
    """Contended waits by the file's number."""
    found: dict[int | None, int] = {}
    for row in snapshot.rows:
        number = row.inode.number if row.inode else None
        found[number] = found.get(number, 0) + row.contended
    return found


def test_the_child_is_told_what_the_configuration_says(machine: Machine) -> None:
    settings = configured(
        {
            "mode": Mode.FULL,
            "attach": "kprobe",
            "tree_operations": False,
            "files": {"tracked": 64},
            "kernel": {"waiting": 100, "held": 200},
        }
    )
    Observer(settings)
    assert machine.orders == [
        Order(Mode.FULL, Attach.KPROBE, tree_operations=False, files=64, waiting=100, held=200)
    ]


def test_what_is_traced_is_told_in_one_line(machine: Machine) -> None:
    assert Observer(configured()).facts == (
        f"Linux {KERNEL.release}, layout single, attach mixed, contention mode, 3 programs"
    )


def test_nothing_counts_before_it_is_open(machine: Machine) -> None:
    observer = Observer(SIXTY_SLOTS)
    machine.wait(LIBC)
    observer.open()
    assert observer.read(IDLE_AFTER).interval.rows == ()
    machine.wait(LIBC)
    assert waits_of(observer.read(IDLE_AFTER).interval) == {LIBC.number: 1}


def test_a_reading_has_what_is_new_and_how_much_is_tracked(machine: Machine) -> None:
    observer = opened()
    for number in (101, 102, 101):
        machine.wait(File(number))
    reading = observer.read(IDLE_AFTER)
    assert waits_of(reading.interval) == {101: 2, 102: 1}
    assert (reading.tracked, reading.programs) == (2, PROGRAMS)
    assert (reading.interval.kernel, reading.interval.mode) == (KERNEL, Mode.CONTENTION)
    assert observer.read(IDLE_AFTER).interval.rows == ()


def test_programs_that_are_attached_and_do_not_run_are_none(machine: Machine) -> None:
    with opened() as observer:
        assert observer.read(IDLE_AFTER).programs == PROGRAMS
        machine.probes_run = False
        assert observer.read(IDLE_AFTER).programs == 0
    # In contention mode alone nothing happens that could be missed.
    with opened(configured({"tree_operations": False})) as observer:
        assert observer.read(IDLE_AFTER).programs == PROGRAMS


def test_trees_that_are_not_measured_are_not_told_of(machine: Machine) -> None:
    observer = opened(configured({"tree_operations": False}))
    machine.wait(LIBC)
    interval = observer.read(IDLE_AFTER).interval
    assert interval.shards == ()
    assert "recursion_tree_operations" not in interval.loss


def test_only_the_files_of_the_configuration_are_told_of(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def learn(counting: Counting, path: bytes) -> tuple[int, int]:
        assert not counting.control["running"]
        asked.append(path)
        return DEVICE, 102

    monkeypatch.setattr(Counting, "learn", learn)
    observer = opened(configured({"inodes": ("254:0:101", "/usr/bin/bash")}))
    for number in (101, 102, 103):
        machine.wait(File(number))
    interval = observer.read(IDLE_AFTER).interval
    assert waits_of(interval) == {101: 1, 102: 1}
    assert asked == [b"/usr/bin/bash"]
    paths = {row.inode.number: row.inode.path for row in interval.rows if row.inode}
    assert paths == {101: None, 102: "/usr/bin/bash"}


def test_a_file_that_was_idle_for_long_gives_its_slot_back(machine: Machine) -> None:
    observer = opened()
    machine.wait(LIBC)
    machine.wait(File(102))
    assert observer.read(IDLE_AFTER).tracked == 2
    machine.now += 15
    machine.wait(File(102))
    assert observer.read(IDLE_AFTER).tracked == 2
    machine.now += IDLE_AFTER - 16
    assert observer.read(IDLE_AFTER).tracked == 2
    machine.now += 1
    machine.wait(File(102))
    assert observer.read(IDLE_AFTER).tracked == 1
    # It is another life of the same file: nothing of the first is counted again.
    machine.wait(LIBC)
    assert waits_of(observer.read(IDLE_AFTER).interval) == {LIBC.number: 1}


def test_idle_after_may_change_from_one_reading_to_the_next(machine: Machine) -> None:
    observer = opened()
    machine.wait(LIBC)
    observer.read(IDLE_AFTER)
    machine.now += 30
    assert observer.read(IDLE_AFTER).tracked == 1
    assert observer.read(20).tracked == 0


def test_what_happens_in_the_last_moment_of_a_slot_is_in_its_last_interval(
    machine: Machine,
) -> None:
    observer = opened()
    machine.wait(LIBC)
    observer.read(IDLE_AFTER)
    machine.now += IDLE_AFTER
    observer.read(IDLE_AFTER * 2)
    # Found in the index just before the slot is marked.
    late = machine.programs.enter_slow_path(2, LIBC, 0, Operation.INSERT)
    for _ in range(4):
        next(late)

    def grace() -> None:
        done(late)
        done(machine.programs.leave_slow_path(2, LIBC, 1_000, False))

    machine.grace = grace
    reading = observer.read(IDLE_AFTER)
    assert waits_of(reading.interval) == {LIBC.number: 1}
    assert reading.tracked == 0


def test_slots_are_scarce_when_fewer_than_a_quarter_are_free(machine: Machine) -> None:
    observer = opened()
    for number in range(45):
        machine.wait(File(200 + number))
    assert not observer.scarce
    machine.wait(File(300))
    assert observer.scarce


def test_then_the_longest_idle_go_until_half_are_free(machine: Machine) -> None:
    observer = opened()
    for number in range(60):
        machine.wait(File(200 + number))
    observer.read(IDLE_AFTER)
    assert observer.scarce
    machine.now += 1
    for number in range(50, 60):
        machine.wait(File(200 + number))
    # They were active in the newest reading, and that they are idle is only seen in the next.
    assert observer.read(IDLE_AFTER).tracked == 60
    machine.now += 1
    assert observer.read(IDLE_AFTER).tracked == 30
    assert not observer.scarce
    for number in range(50, 60):
        machine.wait(File(200 + number))
    named = waits_of(observer.read(IDLE_AFTER).interval)
    assert named == {200 + number: 1 for number in range(50, 60)}


def test_thousands_of_files_come_and_go_and_a_hot_one_is_named_at_once(machine: Machine) -> None:
    observer = opened()
    hot = File(50)
    named = 0
    for number in range(3_000):
        machine.wait(File(1_000 + number))
        if observer.scarce or number % 100 == 0:
            machine.now += 1
            found = waits_of(observer.read(IDLE_AFTER).interval)
            named += sum(count for file, count in found.items() if file is not None)
    check_pools(machine.session.counting, machine.programs)
    machine.now += 1
    observer.read(IDLE_AFTER)
    machine.wait(hot)
    assert waits_of(observer.read(IDLE_AFTER).interval)[hot.number] == 1
    # One tick is enough to make room again for all that come in it here.
    assert named > 2_900


def test_a_slot_that_a_slower_cpu_took_is_given_again(machine: Machine) -> None:
    observer = opened(FEW_SLOTS)
    slow = machine.programs.claim_file(LIBC)
    next(slow)
    next(slow)
    machine.wait(LIBC)
    machine.wait(File(102))
    for _ in slow:
        pass
    counting = machine.session.counting
    (burned,) = (slot for slot in range(5) if counting.files["state"][slot] == BURNED)
    assert observer.read(IDLE_AFTER).tracked == 2
    assert counting.files["state"][burned] == UNCLAIMED
    for number in (103, 104):
        machine.wait(File(number))
    assert waits_of(observer.read(IDLE_AFTER).interval) == {103: 1, 104: 1}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_order_things_happen_in_the_readings_add_up(
    machine: Machine, mode: Mode, seed: int
) -> None:
    observer = opened(replace(FEW_SLOTS, mode=mode))
    counting = machine.session.counting
    storm = Storm(counting, Random(seed), files=9, tasks=6, full=mode is Mode.FULL, room=16)
    machine.programs, machine.grace = storm.programs, storm.grace
    intervals = []
    for _ in range(12):
        storm.run(80)
        machine.now += 1
        with storm.between_lines():
            intervals.append(observer.read(idle_after=2).interval)
        check_pools(counting, storm.programs)
    intervals.append(observer.close().interval)
    assert counting.control["files"]["given"][0] > 0
    check_all_told(intervals, storm.programs.truth)


def test_closing_it_is_a_last_reading_after_which_nothing_is_left(machine: Machine) -> None:
    before = descriptors()
    observer = opened()
    machine.wait(LIBC)
    last = observer.close()
    assert waits_of(last.interval) == {LIBC.number: 1}
    assert (last.tracked, last.programs) == (0, 0)
    assert not machine.programs_attached
    del observer
    machine.let_go()
    assert descriptors() == before


def closed_twice(observer: Observer) -> None:
    with observer:
        observer.open()
        observer.close()


def left_by_an_error(observer: Observer) -> None:
    observer.open()
    with pytest.raises(KeyError), observer:
        raise KeyError


def never_opened(observer: Observer) -> None:
    assert isinstance(observer.close(), Reading)


@pytest.mark.parametrize("end", [closed_twice, left_by_an_error, never_opened])
def test_however_it_ends_nothing_is_left(machine: Machine, end: Callable[[Observer], None]) -> None:
    before = descriptors()
    observer = Observer(SIXTY_SLOTS)
    assert machine.programs_attached
    end(observer)
    assert not machine.programs_attached
    assert not machine.session.counting.control["running"]
    # The kernel's memory is given back with the last who knows of it, at once.
    del observer
    machine.let_go()
    assert descriptors() == before
