# SPDX-License-Identifier: GPL-2.0-or-later
"""The service reads when it is time, ends when it is told, and lets no bad reload break it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from immapscope.daemon import logs
from immapscope.daemon.service import Service
from immapscope.errors import CannotTraceError, UsageError
from immapscope.exporter import Exporter, Server, Status
from immapscope.settings import Address, Settings
from immapscope.signals import Signals
from immapscope.snapshot import Loss, LossUnit, Snapshot
from tests.daemon.configured import configured, read_here
from tests.daemon.services import HUP, PROGRAMS, ROWS, TERM, TRACKED, FakeObserver, World, send
from tests.synthetic import snapshot_of

INTERVAL = 15.0
LOOPBACK = Address("127.0.0.1", 10264)
RELOADED = "immap_config_last_reload_successful"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A machine that can be traced; its configuration is the default one."""
    handlers, level, propagates = logs.LOG.handlers[:], logs.LOG.level, logs.LOG.propagate
    world = World(monkeypatch, tmp_path)
    world.write("interval: 15s\n")
    yield world
    logs.LOG.handlers[:], logs.LOG.propagate = handlers, propagates
    logs.LOG.setLevel(level)


@pytest.fixture
def published(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """What was said with each snapshot."""
    statuses: list[Status] = []
    observe = Exporter.observe

    def noted(exporter: Exporter, interval: Snapshot, status: Status) -> None:
        statuses.append(status)
        observe(exporter, interval, status)

    monkeypatch.setattr(Exporter, "observe", noted)
    return statuses


def without_infos(world: World) -> list[str]:
    return [line for line in world.said if ": info: " not in line]


# From start to end.


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
    assert without_infos(world) == []


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
    assert without_infos(world) == [
        "immapscope: warning: lost 3 waits: exit_missed",
        "immapscope: warning: lost at most 1,234 waits: recursion_waits",
    ]


# SIGHUP.


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
    assert (done[0], done[-1]) == ("RELOADING=1", "READY=1")
    return done[1:-1]


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
    (line,) = without_infos(world)
    assert line.startswith(f"immapscope: error: the old configuration stays: {world.path}")
    assert world.value(RELOADED) == 0
    assert [status.config_reload_successful for status in published] == [True] * 2 + [False] * 3
    assert world.sessions[0].read_at == [1_001, 1_016, 1_020, 1_035]


def test_each_problem_of_a_bad_file_has_its_line(world: World) -> None:
    reloaded(world, "interval: 0s\nmodus: full\n")
    first, second = without_infos(world)
    assert f"{world.path}:1: interval" in first
    assert f"{world.path}:2: unknown key 'modus'" in second


def test_a_file_that_is_gone_changes_nothing(world: World) -> None:
    world.at(10, world.path.unlink)
    world.at(11, HUP)
    world.at(12, TERM)
    world.run()
    assert world.value(RELOADED) == 0
    (line,) = without_infos(world)
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
    (line,) = without_infos(world)
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
    (line,) = without_infos(world)
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


# With the real server.


class Served:
    """A service whose port is real; `port` is the one that it got."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.servers: list[Server] = []

    def listen(self, settings: Settings, exporter: Exporter) -> Server:
        server = Server(settings.exporter.listen, lambda: exporter.pages, settings.exporter.web)
        server.start()
        self.servers.append(server)
        return server

    def run(self) -> None:
        world = self.world
        service = Service(
            read_here(world.path), world.read_settings, world.observe, self.listen, world.heard
        )
        with Signals((signal.SIGTERM, signal.SIGHUP)) as signals:
            service.run(signals)

    @property
    def port(self) -> int:
        return self.servers[-1].address.port

    def get(self) -> str:
        """The first line of the answer to a scrape."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return client.makefile("rb").readline().decode().strip()


def listening_at(host: str, port: int) -> str:
    """A configuration that says so."""
    return f"exporter: {{listen: '{host}:{port}'}}\n"


class Web:
    """A web configuration that the service was started with and that is read again."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.file, self.port = folder / "web.yml", free_port()
        self.served = served
        self.file.write_text("")
        listens = f"{{listen: '127.0.0.1:{self.port}', web_config_file: {self.file}}}"
        served.world.write(f"exporter: {listens}\n")

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def answers_after(self, change: Callable[[], None]) -> list[str]:
        """The answers before and after a change and a reload."""
        answers: list[str] = []
        world = self.served.world
        world.at(20, lambda: answers.append(self.served.get()))
        world.at(21, change)
        world.at(22, HUP)
        world.at(30, lambda: answers.append(self.served.get()))
        world.at(31, TERM)
        self.served.run()
        return answers


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_port_in_use_at_the_start_is_one_clear_error(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        world.write(listening_at("127.0.0.1", port))
        with pytest.raises(UsageError, match="Address already in use"):
            Served(world).run()
    assert world.sessions == []


def test_a_port_in_use_on_reload_leaves_the_old_one_served(world: World) -> None:
    served = Served(world)
    answers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        world.write(listening_at("127.0.0.1", free_port()))
        world.at(20, lambda: world.write(listening_at("127.0.0.1", other.getsockname()[1])))
        world.at(21, HUP)
        world.at(30, lambda: answers.append(served.get()))
        world.at(31, TERM)
        served.run()
    assert answers == ["HTTP/1.1 200 OK"]
    (line,) = without_infos(world)
    assert "Address already in use" in line


def test_the_same_port_for_every_address_is_listened_on_anew(world: World) -> None:
    served = Served(world)
    answers: list[str] = []
    port = free_port()
    world.write(listening_at("127.0.0.1", port))
    world.at(20, lambda: world.write(listening_at("0.0.0.0", port)))
    world.at(21, HUP)
    world.at(30, lambda: answers.append(served.get()))
    world.at(31, TERM)
    served.run()
    assert answers == ["HTTP/1.1 200 OK"]
    assert [server.address.host for server in served.servers] == ["127.0.0.1", "0.0.0.0"]
    assert without_infos(world) == []


@pytest.fixture
def web(world: World, tmp_path: Path) -> Web:
    """Plain HTTP for everybody at first."""
    return Web(Served(world), tmp_path)


FINE, REFUSED = "HTTP/1.1 200 OK", "HTTP/1.1 401 Unauthorized"


def test_users_are_read_anew_on_reload_though_nothing_else_changed(web: Web) -> None:
    somebody = "basic_auth_users: {x: $2b$04$" + "." * 22 + "." * 31 + "}\n"
    assert web.answers_after(lambda: web.write(somebody)) == [FINE, REFUSED]


@pytest.mark.parametrize("broken", ["users: {}\n", "tls_server_config: {cert_file: a}\n"])
def test_a_web_configuration_that_broke_leaves_what_is_served(
    world: World, web: Web, broken: str
) -> None:
    assert web.answers_after(lambda: web.write(broken)) == [FINE, FINE]
    (line,) = without_infos(world)
    assert "web.yml" in line


def test_a_web_configuration_that_is_gone_leaves_what_is_served(world: World, web: Web) -> None:
    assert web.answers_after(web.file.unlink) == [FINE, FINE]
    (line,) = without_infos(world)
    assert "web.yml" in line


def test_certificates_that_broke_leave_what_is_served(
    world: World, web: Web, tmp_path: Path
) -> None:
    (tmp_path / "no.pem").write_text("no certificate\n")
    tls = "tls_server_config: {cert_file: no.pem, key_file: no.pem}\n"
    assert web.answers_after(lambda: web.write(tls)) == [FINE, FINE]
    (line,) = without_infos(world)
    assert "no.pem" in line
    # It was not even left for a moment.
    assert len(web.served.servers) == 1
