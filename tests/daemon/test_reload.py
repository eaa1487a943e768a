# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP changes what the file changes and no more; what cannot be had changes nothing."""

from __future__ import annotations

import pytest

from immapscope.exporter import Status
from immapscope.settings import Address
from tests.daemon.services import HUP, TERM, World

RELOADED = "immap_config_last_reload_successful"


def reloaded(world: World, text: str) -> None:
    """The configuration becomes this 20 s after the start; 18 s later it is over."""

    def change() -> None:
        world.write(text)
        world.done.clear()
        HUP()

    world.at(20, change)
    world.at(38, lambda: world.did("end"))
    world.at(38, TERM)
    world.run()


def done_by_reload(world: World) -> list[str]:
    """Between what is said before and after it."""
    done = world.done[: world.done.index("end")]
    # Meanwhile the watchdog waits for longer.
    assert done[:2] == ["RELOADING=1", "WATCHDOG_USEC=600000000"]
    assert done[-2:] == ["READY=1", "WATCHDOG_USEC=60000000"]
    return done[2:-2]


def test_a_configuration_that_says_the_same_changes_nothing(world: World) -> None:
    reloaded(world, "interval: 15s\n# a comment\n")
    assert done_by_reload(world) == []
    assert world.value(RELOADED) == 1
    # A person who reloads wants to see what comes of it.
    assert world.sessions[0].read_at == [1_001, 1_016, 1_020, 1_035]


@pytest.mark.parametrize(
    "bad", ["intervall: 15s\n", "interval: [", "interval: 0s\n", "\xff", "exporter: {listen: x}\n"]
)
def test_a_bad_file_changes_nothing_and_is_told_in_one_line_and_a_metric(
    world: World, bad: str, published: list[Status]
) -> None:
    reloaded(world, bad)
    assert done_by_reload(world) == []
    (line,) = world.complaints
    assert line.startswith(f"immapscope: error: the old configuration stays: {world.path}")
    assert world.value(RELOADED) == 0
    assert [status.config_reload_successful for status in published] == [True] * 2 + [False] * 3
    assert world.sessions[0].read_at == [1_001, 1_016, 1_020, 1_035]


def test_each_problem_of_a_bad_file_has_its_line(world: World) -> None:
    reloaded(world, "interval: 0s\nmodus: full\n")
    first, second = world.complaints
    assert f"{world.path}:1: interval" in first
    assert f"{world.path}:2: unknown key 'modus'" in second


def test_a_file_that_is_gone_changes_nothing(world: World) -> None:
    world.at(10, world.path.unlink)
    world.at(11, HUP)
    world.at(12, TERM)
    world.run()
    assert world.value(RELOADED) == 0
    (line,) = world.complaints
    assert "No such file or directory" in line


def test_a_good_file_after_a_bad_one_is_taken(world: World) -> None:
    world.at(10, lambda: world.write("interval: never\n"))
    world.at(11, HUP)
    world.at(20, lambda: world.write("interval: 5s\n"))
    world.at(21, HUP)
    world.at(30, TERM)
    world.run()
    assert world.value(RELOADED) == 1
    assert world.sessions[0].read_at == [1_001, 1_011, 1_021, 1_026]


def test_what_counts_from_the_next_reading_on_needs_nothing_new(world: World) -> None:
    reloaded(
        world,
        "interval: 5s\nfiles: {idle_after: 1m}\nlog: {level: error}\n"
        "exporter: {max_series: 2000, remembered_files: 7}\n",
    )
    assert done_by_reload(world) == []
    (session,) = world.sessions
    assert session.read_at == [1_001, 1_016, 1_020, 1_025, 1_030, 1_035]
    assert session.idle_after == [600, 600, 60, 60, 60, 60]
    limits = world.exporter.limits
    assert (limits.max_series, limits.remembered_files) == (2000, 7)
    # Each change is told before the level rises, and nothing after that.
    assert world.said[-5:] == [
        "immapscope: info: interval: 15.0 becomes 5.0",
        "immapscope: info: files.idle_after: 600.0 becomes 60.0",
        "immapscope: info: exporter.max_series: 10000 becomes 2000",
        "immapscope: info: exporter.remembered_files: 10000 becomes 7",
        "immapscope: info: log.level: info becomes error",
    ]


def test_another_address_is_listened_on_before_the_old_one_is_left(world: World) -> None:
    reloaded(world, "exporter: {listen: '127.0.0.1:9999'}\n")
    assert done_by_reload(world) == ["listens on 127.0.0.1:9999", "left 127.0.0.1:10264"]
    assert "immapscope: info: listening on 127.0.0.1:9999" in world.said
    # The same exporter: what was counted goes on.
    assert world.value("immap_contended_total") == 5


def test_an_address_that_includes_the_old_one_is_listened_on_after_it_was_left(
    world: World,
) -> None:
    reloaded(world, "exporter: {listen: '[::]:10264'}\n")
    assert done_by_reload(world) == ["left 127.0.0.1:10264", "listens on [::]:10264"]
    assert world.value(RELOADED) == 1


def test_a_port_of_another_program_is_not_had_and_the_old_one_stays(world: World) -> None:
    world.occupied = {Address("127.0.0.1", 9999)}
    reloaded(world, "interval: 5s\nexporter: {listen: '127.0.0.1:9999'}\n")
    assert done_by_reload(world) == []
    assert world.done[-1] == "left 127.0.0.1:10264"
    (line,) = world.complaints
    assert "the old configuration stays" in line
    assert "cannot listen on 127.0.0.1:9999" in line
    assert world.value(RELOADED) == 0
    # All of the old one stays.
    assert world.sessions[0].read_at == [1_001, 1_016, 1_020, 1_035]


def test_the_old_address_is_listened_on_again_where_leaving_it_was_for_nothing(
    world: World,
) -> None:
    world.occupied = {Address("127.0.0.2", 10264)}
    reloaded(world, "exporter: {listen: '127.0.0.2:10264'}\n")
    assert done_by_reload(world) == ["left 127.0.0.1:10264", "listens on 127.0.0.1:10264"]
    assert world.value(RELOADED) == 0


def test_what_needs_a_new_session_is_had_before_the_old_one_is_given_up(world: World) -> None:
    reloaded(world, "files: {tracked: 64}\n")
    assert done_by_reload(world) == [
        "session 2 attached", "session 1 closed", "session 2 opened"
    ]  # fmt: skip
    first, second = world.sessions
    assert second.settings.files.tracked == 64
    assert (first.read_at, second.read_at) == ([1_001, 1_016], [1_020, 1_035])
    # Two readings and the last of the first, two and the last of the second.
    assert world.value("immap_contended_total") == 6
    assert "immapscope: info: tracing: facts of session 2" in world.said


def test_a_reload_that_succeeds_was_never_said_to_have_failed(
    world: World, published: list[Status]
) -> None:
    reloaded(world, "files: {tracked: 64}\nexporter: {listen: '127.0.0.1:9999'}\n")
    assert all(status.config_reload_successful for status in published)


def test_a_session_that_cannot_be_had_leaves_the_old_one(world: World) -> None:
    world.refused = lambda settings: settings.files.tracked == 64
    reloaded(world, "interval: 5s\nfiles: {tracked: 64}\n")
    assert done_by_reload(world) == []
    (line,) = world.complaints
    assert line == (
        "immapscope: error: the old configuration stays, since the new one cannot be had: "
        "the probes did not compile"
    )
    assert world.value(RELOADED) == 0
    assert world.sessions[0].read_at == [1_001, 1_016, 1_020, 1_035]


def test_a_new_session_is_given_up_where_its_port_cannot_be_had(world: World) -> None:
    world.occupied = {Address("127.0.0.1", 9999)}
    reloaded(world, "files: {tracked: 64}\nexporter: {listen: '127.0.0.1:9999'}\n")
    assert done_by_reload(world) == ["session 2 attached", "session 2 closed"]
    first, second = world.sessions
    assert second.read_at == []
    assert first.read_at == [1_001, 1_016, 1_020, 1_035]
    assert world.done[-2:] == ["session 1 closed", "left 127.0.0.1:10264"]
    # What the second closed with was of nobody's time.
    assert world.value("immap_contended_total") == 5


def test_several_signals_are_one_reload(world: World) -> None:
    for _ in range(3):
        world.at(20, HUP)

    def twice() -> None:
        HUP()
        HUP()

    world.at(21, twice)
    world.at(40, TERM)
    world.run()
    assert world.done.count("RELOADING=1") == 4


def test_a_reload_and_an_end_at_once_are_an_end(world: World) -> None:
    def both() -> None:
        HUP()
        TERM()

    world.at(20, both)
    world.run()
    assert world.done[-3:] == ["STOPPING=1", "session 1 closed", "left 127.0.0.1:10264"]
    assert "RELOADING=1" not in world.done
