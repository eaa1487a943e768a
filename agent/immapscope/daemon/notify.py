# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd is told of a service: sd_notify(3), and the watchdog of systemd.service(5)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to the socket that NOTIFY_SOCKET names; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = int(environment.get("WATCHDOG_USEC", "0")) if mine else 0
        #: Seconds after which systemd takes silence for death, None where it does not listen.
        self.watchdog = microseconds / 1e6 if self._address and microseconds else None

    def ready(self, status: str) -> None:
        """The service does what it is for."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """To be said more often than the watchdog asks for."""
        if self.watchdog:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends that."""
        self._send("RELOADING=1")

    def stopping(self) -> None:
        """The service ends of its own accord."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                sender.sendto(state.encode(), self._address)
            except OSError:
                # Whoever wanted to know has gone; the metrics go on.
                return
