# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.lab_host.rehearsal: the live test of the alerts, with an agent that is made up.

The real exporter serves synthetic snapshots, one every two seconds; all else is as with a guest:
Prometheus scrapes it, the shipped rules with short windows judge, Alertmanager sends, a pager gets.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from immapscope.exporter import Exporter, Limits, Server, Status
from immapscope.kernel.words import Cause, Operation
from immapscope.settings import Address
from immapscope.snapshot import Mode, Snapshot, TreeOperations
from tests.lab_host.watch import Watch
from tests.synthetic import LIBC, contended_row, snapshot_of

_INTERVAL: Final = 2
_MS: Final = 1_000_000
_FILE: Final = {"file": "libc.so.6", "instance": "guest"}


class MadeUpAgent:
    """Serves an exporter whose load and cost can be changed while it runs."""

    def __init__(self) -> None:
        #: Tree operations in a second, and what each waits on node 0 and on node 2.
        self.operations = 100
        self.wait_ns = (_MS // 2, _MS // 2)
        self._exporter = Exporter(Limits())
        self._server = Server(Address("127.0.0.1", 0), lambda: self._exporter.pages, None)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> str:
        """Begins; where it listens."""
        self._server.start()
        self._thread.start()
        return str(self._server.address)

    def stop(self) -> None:
        """Ends."""
        self._ending.set()
        self._thread.join()
        self._server.stop()

    def _run(self) -> None:
        while not self._ending.wait(_INTERVAL):
            status = Status(1, 20, time.time(), config_reload_successful=True)
            self._exporter.observe(self._interval(), status)

    def _interval(self) -> Snapshot:
        count = self.operations * _INTERVAL
        rows = [
            contended_row(LIBC, node, Operation.INSERT, Cause.MMAP, [each] * count)
            for node, each in zip((0, 2), self.wait_ns, strict=True)
        ]
        lawful = snapshot_of(rows, mode=Mode.CONTENTION)
        trees = (TreeOperations(LIBC, 0, 0, count, 0, 0),)
        return replace(lawful, duration_ns=_INTERVAL * 1_000_000_000, tree_operations=trees)


def main() -> None:
    """Rehearses; raises where an alert does not come, comes unasked, or says the wrong thing."""
    agent = MadeUpAgent()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - began:4.0f} s: {what}", file=sys.stderr, flush=True)

        with Watch(Path(folder), agent.start()) as watch:
            calm = watch.calm("libc.so.6", 180)
            say(f"calm: {calm}")
            watch.restart_with_past(calm)

            agent.operations = 200
            time.sleep(90)
            assert not watch.pager.notices, watch.pager.notices
            say("twice the load at the same wait per operation: nothing")

            agent.operations, agent.wait_ns = 100, (_MS // 2, 6 * _MS)
            page = watch.fires("ImmapWaitRegressionCost", _FILE, 120)
            say(f"paged: {page.annotations['summary']}")
            assert page.annotations["summary"].endswith("worst on node 2")
            agent.wait_ns = (_MS // 2, _MS // 2)
            watch.resolves("ImmapWaitRegressionCost", _FILE, 120)
            say("resolved")

            agent.operations, agent.wait_ns = 400, (2 * _MS, 2 * _MS)
            ticket = watch.fires("ImmapWaitRegressionLoad", _FILE, 120)
            say(f"ticket: {ticket.annotations['summary']}")
            agent.operations, agent.wait_ns = 100, (_MS // 2, _MS // 2)
            watch.resolves("ImmapWaitRegressionLoad", _FILE, 120)
            sent = {(one.name, one.firing) for one in watch.pager.notices}
            assert len(sent) == 4, sent
            pages = [one for one in watch.pager.notices if one.labels["severity"] == "page"]
            assert len(pages) == 2, pages
            say("resolved; one page and one ticket in all")
    agent.stop()


if __name__ == "__main__":
    main()
