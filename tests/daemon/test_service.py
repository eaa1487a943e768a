# SPDX-License-Identifier: GPL-2.0-or-later
"""The service reads when it is time, ends when it is told, and leaves nothing behind."""

from __future__ import annotations

import signal

import pytest

from immapscope.errors import CannotTraceError, UsageError
from immapscope.exporter import Status
from immapscope.settings import Settings
from immapscope.snapshot import Loss, LossUnit
from tests.daemon.configured import configured
from tests.daemon.services import LOOPBACK, PROGRAMS, ROWS, TERM, TRACKED, FakeObserver, World, send
from tests.synthetic import snapshot_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_traces_is_ready_and_takes_all_that_back(
    world: World, number: signal.Signals
) -> None:
    world.at(100, send(number))
    world.run()
    assert world.done == [
        "listens on 127.0.0.1:10264",
        "session 1 attached",
        "session 1 opened",
        "READY=1",
        "STOPPING=1",
        "session 1 closed",
        "left 127.0.0.1:10264",
    ]
    assert world.said == [
        "immapscope: info: listening on 127.0.0.1:10264",
        "immapscope: info: tracing: facts of session 1",
        "immapscope: info: stopped",
    ]


def test_the_first_reading_comes_soon_and_then_one_each_interval(world: World) -> None:
    world.at(50, TERM)
    world.run()
    assert world.sessions[0].read_at == [1_001, 1_016, 1_031, 1_046]


def test_the_last_reading_is_the_one_at_the_end(world: World) -> None:
    world.at(50, TERM)
    world.run()
    # Four while it ran, and what came after the last of these.
    assert world.value("immap_contended_total") == 5
    assert world.value("immap_probes_attached") == 0


def test_what_a_reading_found_is_published(world: World, published: list[Status]) -> None:
    world.at(20, TERM)
    world.run()
    assert published[:-1] == [Status(TRACKED, PROGRAMS, world.wall, True)] * 2
    assert published[-1] == Status(0, 0, world.wall, True)


def test_probes_that_no_longer_run_are_told_once_and_so_is_their_return(world: World) -> None:
    def disabled_for_two_readings(observer: FakeObserver) -> None:
        observer.programs = 0 if len(observer.read_at) in (2, 3) else PROGRAMS

    world.at_reading = disabled_for_two_readings
    world.at(70, TERM)
    world.run()
    told = [line for line in world.said if "the probes" in line]
    assert [line.split(": ")[1] for line in told] == ["error", "info"]
    assert "/sys/kernel/debug/kprobes/enabled" in told[0]


def test_a_reading_that_took_long_does_not_make_others_hurry(world: World) -> None:
    def slow(observer: FakeObserver) -> None:
        world.now += 100 if len(observer.read_at) == 2 else 0

    world.at_reading = slow
    world.at(150, TERM)
    world.run()
    assert world.sessions[0].read_at == [1_001, 1_016, 1_116, 1_131, 1_146]


def test_a_signal_before_the_first_reading_ends_it_all_the_same(world: World) -> None:
    world.at(0.5, TERM)
    world.run()
    assert world.sessions[0].read_at == []
    assert world.value("immap_contended_total") == 1
    assert world.done[-3:] == ["STOPPING=1", "session 1 closed", "left 127.0.0.1:10264"]


def test_where_the_port_is_taken_nothing_is_attached(world: World) -> None:
    world.occupied = {LOOPBACK}
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1:10264"):
        world.run()
    assert world.done == []


def test_a_machine_that_cannot_be_traced_leaves_the_port(world: World) -> None:
    world.refused = lambda settings: True
    with pytest.raises(CannotTraceError, match="did not compile"):
        world.run()
    assert world.done == ["listens on 127.0.0.1:10264", "left 127.0.0.1:10264"]


def test_a_service_that_is_stopped_while_it_compiles_just_stops(world: World) -> None:
    def stopped(settings: Settings) -> bool:
        # To all processes of the service: to the child that compiles, too.
        TERM()
        return True

    world.refused = stopped
    world.run()
    assert world.done == ["listens on 127.0.0.1:10264", "left 127.0.0.1:10264"]
    assert world.complaints == []


def test_an_error_leaves_nothing_behind(world: World) -> None:
    def fails(observer: FakeObserver) -> None:
        raise OSError(12, "Cannot allocate memory")

    world.at_reading = fails
    world.at(100, TERM)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        world.run()
    assert world.done[-3:] == ["STOPPING=1", "session 1 closed", "left 127.0.0.1:10264"]


def test_the_watchdog_is_told_each_second_however_long_the_interval(world: World) -> None:
    world.at(60, TERM)
    world.run(configured({"interval": 3600.0}))
    assert world.heard.alive_at == [1_000.0 + second for second in range(60)]
    assert world.sessions[0].read_at == [1_001]


def test_the_time_of_day_may_jump(world: World, published: list[Status]) -> None:
    def to(moment: float) -> None:
        world.wall = moment

    world.at(5, lambda: to(0.0))
    world.at(20, lambda: to(4e9))
    world.at(50, TERM)
    world.run()
    assert world.sessions[0].read_at == [1_001, 1_016, 1_031, 1_046]
    assert [status.snapshot_time for status in published] == [1_781_000_000.0, 0.0, 4e9, 4e9, 4e9]


def test_where_slots_are_scarce_the_next_reading_is_due_at_once(world: World) -> None:
    def scarce(now: bool) -> None:
        world.sessions[0].scarce = now

    world.at(5.5, lambda: scarce(True))
    world.at(7.75, lambda: scarce(False))
    world.at(30, TERM)
    world.run()
    # Each second until there is room, then an interval after the last of these.
    assert world.sessions[0].read_at == [1_001, 1_005.5, 1_006.5, 1_007.5, 1_022.5]


def test_what_was_lost_is_said_with_its_unit(world: World) -> None:
    losses = {
        "exit_missed": Loss(LossUnit.WAITS, 3),
        "recursion_waits": Loss(LossUnit.WAITS, 1_234, upper_bound=True),
        "state_full": Loss(LossUnit.ACQUISITIONS, 0),
    }
    world.interval = lambda: snapshot_of(ROWS, loss=losses)
    world.at(0.5, TERM)
    world.run()
    assert world.complaints == [
        "immapscope: warning: lost 3 waits: exit_missed",
        "immapscope: warning: lost at most 1,234 waits: recursion_waits",
    ]
