# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd is told of a service: sd_notify(3), and the watchdog of systemd.service(5)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

#: The service says nothing while a child compiles anew, which a busy host may make slow.
RELOAD_SECONDS: Final = 600.0


class Notifier:
    """Sends states to the socket that NOTIFY_SOCKET names; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = int(environment.get("WATCHDOG_USEC", "0")) if mine else 0
        #: Seconds after which systemd takes silence for death, None where it does not listen.
        self.watchdog = microseconds / 1e6 if self._address and microseconds else None
        self._watched = self.watchdog

    def ready(self, status: str) -> None:
        """The service does what it is for."""
        self._send(f"READY=1\nSTATUS={status}")
        self._watch(self.watchdog)

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
        if self.watchdog and self.watchdog < RELOAD_SECONDS:
            self._watch(RELOAD_SECONDS)

    def stopping(self) -> None:
        """The service ends of its own accord."""
        self._send("STOPPING=1")

    def _watch(self, seconds: float | None) -> None:
        """From now on silence of so many seconds is death."""
        if seconds != self._watched and seconds is not None:
            self._watched = seconds
            # Silence until now counts too, against what is less from now on.
            self.alive()
            self._send(f"WATCHDOG_USEC={round(1e6 * seconds)}")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                sender.sendto(state.encode(), self._address)
            except OSError:
                # Whoever wanted to know has gone; the metrics go on.
                return
