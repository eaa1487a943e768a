# SPDX-License-Identifier: GPL-2.0-or-later
"""What is served stays served, whatever port and web configuration a reload asks for."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from immapscope.daemon.service import ListenerLostError, Service
from immapscope.errors import ExitStatus, UsageError
from immapscope.exporter import Exporter, Server
from immapscope.settings import Settings
from immapscope.signals import Signals
from tests.daemon.configured import read_here
from tests.daemon.services import HUP, TERM, World, taken


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
    (line,) = world.complaints
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
    assert world.complaints == []


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
    (line,) = world.complaints
    assert "web.yml" in line


def test_a_web_configuration_that_is_gone_leaves_what_is_served(world: World, web: Web) -> None:
    assert web.answers_after(web.file.unlink) == [FINE, FINE]
    (line,) = world.complaints
    assert "web.yml" in line


def test_certificates_that_broke_leave_what_is_served(
    world: World, web: Web, tmp_path: Path
) -> None:
    (tmp_path / "no.pem").write_text("no certificate\n")
    tls = "tls_server_config: {cert_file: no.pem, key_file: no.pem}\n"
    assert web.answers_after(lambda: web.write(tls)) == [FINE, FINE]
    (line,) = world.complaints
    assert "no.pem" in line
    # It was not even left for a moment.
    assert len(web.served.servers) == 1


class TakenMeanwhile(Served):
    """Somebody takes every address as soon as the service leaves its first one."""

    def listen(self, settings: Settings, exporter: Exporter) -> Server:
        if self.servers:
            raise taken(settings.exporter.listen)
        return super().listen(settings, exporter)


def test_a_service_that_cannot_listen_any_more_ends_so_that_it_is_started_anew(
    world: World,
) -> None:
    port = free_port()
    world.write(listening_at("127.0.0.1", port))
    world.at(20, lambda: world.write(listening_at("0.0.0.0", port)))
    world.at(21, HUP)
    with pytest.raises(ListenerLostError, match="Address already in use") as lost:
        TakenMeanwhile(world).run()
    assert lost.value.status == ExitStatus.BAD_NEWS
    assert world.done[-1] == "session 1 closed"
