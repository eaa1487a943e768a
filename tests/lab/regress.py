# SPDX-License-Identifier: GPL-2.0-or-later
"""`regress.py`: in a guest, the daemon and a load that the host changes by GET /PHASE.

The other half is tests/lab_host/regression.py, which boots the guest with two forwarded ports.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SYSTEMD = Path("/run/systemd/system")
UNIT = Path("/lab/checkout/systemd/immapscope.service")
CONFIG = Path("/etc/immapscope/config.yaml")

DAEMON_PORT = 10264
CONTROL_PORT = 9000
FILE = "libhot.so"

#: How often the file is mapped by the walker, which makes its hold, and how long it rests, in ms.
_SHORT, _LONG, _PAUSE = 4_000, 60_000, 50
#: CPUs 2n and 2n + 1 are of node n; most of the load is on node 2.
_CALM = ("0:15", "4:25", "5:25", "6:15")
_DOUBLE = ("0:30", "4:50", "5:50", "6:30")
_CROWD = tuple(f"{cpu}:0" for cpu in range(8)) * 3

#: What `paced` is told in each phase.
PHASES: Mapping[str, tuple[str, ...]] = {
    "calm": (str(_SHORT), str(_PAUSE), *_CALM),
    "double": (str(_SHORT), str(_PAUSE), *_DOUBLE),
    "walker": (str(_LONG), str(_PAUSE), *_CALM),
    "crowd": (str(_SHORT), str(_PAUSE), *_CROWD),
    # Nobody holds a lock for long: what waits, waits for another that maps. At a pace, since tasks
    # that never sleep leave the agent no CPU here.
    "mappers": (
        "2000",
        "500",
        *(f"{cpu}:80" for cpu in range(8)),
        *(f"{cpu}:80" for cpu in range(8)),
    ),
}


class Load:
    """The load of one phase at a time."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None

    def change(self, phase: str) -> None:
        """Ends the load that is and begins this phase's."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
        self._running = subprocess.Popen(["./paced", FILE, *PHASES[phase]])


@contextmanager
def daemon() -> Iterator[None]:
    """The daemon: where process 1 is systemd, as a service by the unit that is shipped."""
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(
        f'interval: 5s\nexporter: {{listen: ":{DAEMON_PORT}"}}\nlog: {{level: warning}}\n'
    )
    if SYSTEMD.is_dir():
        (SYSTEMD / UNIT.name).write_bytes(UNIT.read_bytes())
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "start", UNIT.name], check=True)
        yield
        return
    agent = subprocess.Popen(["immapscope", "--config", str(CONFIG), "daemon"])
    try:
        yield
    finally:
        agent.terminate()
        agent.wait()


def main() -> None:
    """Serves until it is killed."""
    Path(FILE).write_bytes(bytes(8 * 4096))
    load = Load()

    class Control(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            phase = self.path.removeprefix("/")
            if phase in PHASES:
                load.change(phase)
            self.send_response(200 if phase in PHASES else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            print(self.path, flush=True)

    with daemon():
        HTTPServer(("", CONTROL_PORT), Control).serve_forever()


if __name__ == "__main__":
    main()
