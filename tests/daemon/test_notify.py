# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd is told, through real sockets of both kinds that it uses."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from immapscope.daemon.notify import Notifier


class Systemd:
    """Who listens; `environment` is what the service is started with."""

    def __init__(self, address: str, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.environment: Mapping[str, str] = {"NOTIFY_SOCKET": name}

    def heard(self) -> list[str]:
        """Every message since the last time."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "path with @", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    """systemd's own is a path; in some containers it is an abstract address."""
    path = str(tmp_path / ("user@1000" if request.param == "path with @" else "notify"))
    if request.param == "abstract":
        name = f"immapscope/test/{os.getpid()}"
        listener = Systemd(f"\0{name}", f"@{name}")
    else:
        listener = Systemd(path, path)
    yield listener
    listener.close()


def test_systemd_hears_each_state_as_it_is_told(systemd: Systemd) -> None:
    notifier = Notifier(systemd.environment)
    notifier.ready("Linux 6.12, 9 programs")
    notifier.status("reading")
    notifier.reloading()
    notifier.stopping()
    assert systemd.heard() == [
        "READY=1\nSTATUS=Linux 6.12, 9 programs",
        "STATUS=reading",
        "RELOADING=1",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        # Meant for another process: the shell that started this one, say.
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_a_watchdog_is_told_where_there_is_one_for_this_process(
    systemd: Systemd, more: Mapping[str, str], seconds: float | None
) -> None:
    notifier = Notifier({**systemd.environment, **more})
    assert notifier.watchdog == seconds
    notifier.alive()
    assert systemd.heard() == ([] if seconds is None else ["WATCHDOG=1"])


def test_a_reload_may_take_longer_than_the_watchdog_waits(systemd: Systemd) -> None:
    notifier = Notifier({**systemd.environment, "WATCHDOG_USEC": "120000000"})
    notifier.ready("fine")
    notifier.reloading()
    notifier.ready("fine again")
    notifier.ready("and again")
    assert systemd.heard() == [
        "READY=1\nSTATUS=fine",
        "RELOADING=1",
        "WATCHDOG=1",
        "WATCHDOG_USEC=600000000",
        "READY=1\nSTATUS=fine again",
        "WATCHDOG=1",
        "WATCHDOG_USEC=120000000",
        "READY=1\nSTATUS=and again",
    ]


def test_a_watchdog_that_is_patient_is_not_made_less_so(systemd: Systemd) -> None:
    notifier = Notifier({**systemd.environment, "WATCHDOG_USEC": "3600000000"})
    notifier.reloading()
    assert systemd.heard() == ["RELOADING=1"]


def test_without_systemd_nothing_is_told_to_anybody() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "60000000"})
    assert notifier.watchdog is None
    notifier.ready("fine")
    notifier.alive()
    notifier.stopping()


@pytest.mark.parametrize("address", ["/nowhere/notify", "@immapscope/nobody/listens", "/" * 300])
def test_that_nobody_listens_is_no_error(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready("fine")


def test_no_descriptor_stays_open(systemd: Systemd) -> None:
    before = len(os.listdir("/proc/self/fd"))
    notifier = Notifier(systemd.environment)
    for _ in range(10):
        notifier.ready("fine")
    assert len(os.listdir("/proc/self/fd")) == before
