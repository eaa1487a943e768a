# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.lab_host.regression [KERNEL]: the alerts on a real lock that really gets worse.

A guest runs the daemon, as a service of systemd, and a load; on this machine Debian's Prometheus
scrapes it through a forwarded port, the shipped rules with short windows judge, Alertmanager sends,
a pager gets.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab import monitoring
from lab.workloads import build
from tests.lab_host.watch import Watch

_CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
# As in tests/lab/regress.py, which runs in the guest.
_DAEMON, _CONTROL = 10264, 9000
_FILE: Final = {"file": "libhot.so", "instance": "guest"}
_LIMIT: Final = 1200


class Guest:
    """The guest's two ports on this machine."""

    def __init__(self, ports: dict[int, int]) -> None:
        self.target = f"127.0.0.1:{ports[_DAEMON]}"
        self._control = f"http://127.0.0.1:{ports[_CONTROL]}"

    def phase(self, name: str) -> None:
        """Changes the load."""
        with urllib.request.urlopen(f"{self._control}/{name}", timeout=60):
            pass

    def is_ready(self) -> bool:
        """Whether the daemon has read its counters."""
        try:
            with urllib.request.urlopen(f"http://{self.target}/-/ready", timeout=60):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def booted(kernel: str, port: int = 0, init: str = "lab", append: str = "") -> Iterator[Guest]:
    """A guest whose daemon is ready, reached through this port here (0: a free one)."""
    words = [sys.executable, "lab/vm", "--kernel", kernel, "--timeout", str(_LIMIT)]
    words += ["--init", init]
    words += ["--append", append] if append else []
    words += ["--forward", f"{port}:{_DAEMON}", "--forward", f"0:{_CONTROL}"]
    words += ["--file", str(build.build("paced"))]
    words += ["--", "python3", "-u", "/lab/checkout/tests/lab/regress.py"]
    process = subprocess.Popen(words, cwd=_CHECKOUT, stderr=subprocess.PIPE, text=True)
    try:
        guest = Guest(_ports(process))
        deadline = time.monotonic() + 300
        while not guest.is_ready():
            assert process.poll() is None, "the guest ended"
            assert time.monotonic() < deadline, "the daemon was not ready in 300 s"
            time.sleep(2)
        yield guest
    finally:
        process.terminate()
        process.wait()


def _ports(process: subprocess.Popen[str]) -> dict[int, int]:
    """Port of the guest -> port here, as lab/vm tells them before it boots."""
    assert process.stderr is not None
    found: dict[int, int] = {}
    for line in process.stderr:
        sys.stderr.write(line)
        if match := re.search(r"127\.0\.0\.1:(\d+) is port (\d+) of the guest", line):
            found[int(match[2])] = int(match[1])
        if len(found) == 2:
            return found
    raise AssertionError("lab/vm told no ports")


def rehearse(guest: Guest, folder: Path) -> None:
    """Raises where an alert does not come, comes unasked, or says the wrong thing."""
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s: {what}", file=sys.stderr, flush=True)

    guest.phase("calm")
    with Watch(folder, guest.target) as watch:
        calm = watch.calm(_FILE["file"], 240)
        say(f"calm: {calm}")
        watch.restart_with_past(calm)

        guest.phase("double")
        time.sleep(90)
        say(f"twice the load: {watch.state()}")
        assert not watch.pager.notices, watch.pager.notices

        guest.phase("walker")
        page = watch.fires("ImmapWaitRegressionCost", _FILE, 180)
        say(f"paged: {page.annotations['summary']}")
        assert page.annotations["summary"].endswith("worst on node 2")
        guest.phase("calm")
        watch.resolves("ImmapWaitRegressionCost", _FILE, 180)
        say("resolved")

        guest.phase("crowd")
        ticket = watch.fires("ImmapWaitRegressionLoad", _FILE, 180)
        say(f"ticket: {ticket.annotations['summary']}")
        guest.phase("calm")
        watch.resolves("ImmapWaitRegressionLoad", _FILE, 180)
        sent = [(one.name, one.firing) for one in watch.pager.notices]
        pages = [one for one in watch.pager.notices if one.labels["severity"] == "page"]
        assert len(sent) == 4, sent
        assert len(pages) == 2, pages
        say("resolved; one page and one ticket in all")


def main(kernel: str) -> int:
    """0 if all came as it should."""
    monitoring.folder()
    with tempfile.TemporaryDirectory() as folder, booted(kernel, init="systemd") as guest:
        rehearse(guest, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "stock-6.12"))
