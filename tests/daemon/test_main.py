# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as a process: it serves what it reads, and every error is a line and a status."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from immapscope.daemon import __main__ as service
from immapscope.daemon import logs
from immapscope.daemon.observer import Reading
from immapscope.errors import CannotTraceError
from immapscope.kernel.words import Cause, Operation
from immapscope.settings import Settings
from tests.daemon.configured import read_here
from tests.synthetic import LIBC, contended_row, snapshot_of


class FakeObserver:
    """A session in whose intervals somebody waits for libc once."""

    scarce = False
    facts = "a machine that is not there"

    def open(self) -> None:
        pass

    def read(self, idle_after: float) -> Reading:
        row = contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, [1_000_000])
        return Reading(snapshot_of([row]), 1, 9)

    def close(self) -> Reading:
        return self.read(0)


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Settings]]:
    """This machine can be traced; with which settings it was. Signals and logs as before after."""
    handlers, level, propagates = logs.LOG.handlers[:], logs.LOG.level, logs.LOG.propagate
    observed: list[Settings] = []

    def observe(settings: Settings) -> FakeObserver:
        observed.append(settings)
        return FakeObserver()

    monkeypatch.setattr(service, "Observer", observe)
    # In another process it would take half a second each time.
    monkeypatch.setattr(service, "read_settings", read_here)
    monkeypatch.setattr(service, "prepare", lambda: None)
    # The first reading is not waited a second for.
    monkeypatch.setattr("immapscope.daemon.service._TICK", 0.2)
    yield observed
    logs.LOG.handlers[:], logs.LOG.propagate = handlers, propagates
    logs.LOG.setLevel(level)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process would have ended, and what it would have printed."""

    status: int
    lines: list[str]


Run = Callable[[str], Ended]


@pytest.fixture
def run(observed: list[Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the service with this configuration."""

    def run(text: str) -> Ended:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        status = service.main([str(path)])
        captured = capsys.readouterr()
        assert captured.out == ""
        return Ended(status, captured.err.splitlines())

    return run


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_bad_configuration_is_one_line_and_2(run: Run, observed: list[Settings]) -> None:
    ended = run("intervall: 15s\n")
    (line,) = ended.lines
    assert ended.status == 2
    assert line.startswith("immapscope: ")
    assert line.endswith("config.yaml:1: unknown key 'intervall'; did you mean 'interval'?")
    assert observed == []


def test_a_port_in_use_is_one_line_and_2_and_nothing_is_traced(
    run: Run, observed: list[Settings]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = run(f"exporter: {{listen: '127.0.0.1:{other.getsockname()[1]}'}}\n")
    (line,) = ended.lines
    assert ended.status == 2
    assert "Address already in use" in line
    assert observed == []


def test_a_web_configuration_that_is_bad_is_one_line_and_2(
    run: Run, observed: list[Settings], tmp_path: Path
) -> None:
    (tmp_path / "web.yml").write_text("users: {}\n")
    ended = run("exporter: {listen: '127.0.0.1:0', web_config_file: web.yml}\n")
    (line,) = ended.lines
    assert ended.status == 2
    assert "web.yml:1: unknown key 'users'" in line
    assert observed == []


def test_a_machine_that_cannot_be_traced_is_3(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(settings: Settings) -> None:
        raise CannotTraceError("this machine cannot be traced: no BTF;\nboot another kernel")

    monkeypatch.setattr(service, "Observer", refused)
    ended = run("exporter: {listen: '127.0.0.1:0'}\n")
    listening, error = ended.lines
    assert ended.status == 3
    assert listening.startswith("immapscope: info: listening on 127.0.0.1:")
    assert error == "immapscope: this machine cannot be traced: no BTF; boot another kernel"


def metrics(port: int) -> str:
    """What is served there now, nothing where nobody listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


@contextmanager
def scraped(port: int) -> Iterator[list[str]]:
    """The page of metrics that was served first after a reading; SIGTERM follows it."""
    pages: list[str] = []
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(0.02):
            page = metrics(port)
            if "immap_contended_total" in page:
                pages.append(page)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield pages
    finally:
        over.set()
        thread.join()


def test_it_serves_what_it_reads_until_sigterm(run: Run, observed: list[Settings]) -> None:
    port = free_port()
    before = signal.getsignal(signal.SIGTERM)
    with scraped(port) as pages:
        ended = run(f"mode: full\nexporter: {{listen: '127.0.0.1:{port}'}}\n")
    assert ended == Ended(
        0,
        [
            f"immapscope: info: listening on 127.0.0.1:{port}",
            "immapscope: info: tracing: a machine that is not there",
            "immapscope: info: stopped",
        ],
    )
    assert [settings.mode for settings in observed] == ["full"]
    assert 'immap_contended_total{file="libc.so.6"' in pages[0]
    assert metrics(port) == ""
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_is_below_the_configured_level_is_not_said(run: Run) -> None:
    port = free_port()
    with scraped(port):
        ended = run(f"exporter: {{listen: '127.0.0.1:{port}'}}\nlog: {{level: error}}\n")
    assert ended == Ended(0, [])
