# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon takes when all its series are taken: `python -m tests.daemon.resident`.

The whole service but for the kernel: it reads memory that is mapped as the kernel's arrays would
be, in which other files wait at each reading, and is scraped after each. At the end it says how it
fared in a line of JSON. Nothing is imported here that a daemon does not need.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from immapscope.daemon import observer
from immapscope.daemon.__main__ import listen
from immapscope.daemon.configuration import read_settings
from immapscope.daemon.observer import Observer
from immapscope.daemon.service import Service
from immapscope.exporter import Exporter, Server
from immapscope.kernel.words import Cause, Operation
from immapscope.settings import Address, Settings
from immapscope.signals import Signals
from immapscope.tracing.counters import CLAIMED
from immapscope.tracing.counting import Counting
from immapscope.tracing.handover import ROWS_OF_A_NODE, Handover
from immapscope.tracing.sizes import Sizes, rows_for
from tests.synthetic import KERNEL
from tests.tracing.arrays import Maps
from tests.tracing.counted import DEVICE, WRITER

NODES: Final = 4
#: So few that a quarter of the slots is free, and none is given back.
FILES: Final = 500
READINGS: Final = 30


class Waits:
    """At each reading other files have the slots, and a wait on every node."""

    def __init__(self, counting: Counting, sizes: Sizes) -> None:
        self._counting = counting
        self._slots = np.arange(1, FILES + 1)
        self._rows = sizes.coarse_rows + np.arange(FILES * NODES)
        self._number = 1000
        counting.control["files"]["next"] = FILES + 1
        counting.control["rows"]["next"] = sizes.coarse_rows + FILES * NODES
        rows = counting.rows
        for field, value in (
            ("slot", np.repeat(self._slots, NODES)),
            ("node", np.tile(np.arange(NODES), FILES)),
            ("holder_node", np.tile(np.arange(NODES)[::-1], FILES)),
            ("holder", WRITER),
            ("operation", Operation.INSERT.code),
            ("cause", Cause.MMAP.code),
            ("spin_known", 1),
            ("state", CLAIMED),
        ):
            rows[field][self._rows] = value

    def happen(self) -> None:
        files, rows, cells = self._counting.files, self._counting.rows, self._counting.cells
        for slot in self._slots:
            self._number += 1
            name = f"lib{self._number}.so".encode().ljust(256, b"\0")
            files["name"][slot] = np.frombuffer(name, np.uint8)
            files["number"][slot] = self._number
        for field, value in (("device", DEVICE), ("state", CLAIMED), ("named", 1)):
            files[field][self._slots] = value
        # Who waits longest takes the place of others, so that there are always new ones.
        ns = self._number * (self._rows % 7 + 1)
        for field in ("wait_ns", "spin_ns"):
            rows[field][self._rows] += ns.astype(np.uint64)
        rows["wait_max_ns"][self._rows] = ns
        rows["contended"][self._rows] += np.uint64(1)
        rows["buckets"][self._rows, self._rows % 20] += np.uint64(1)
        for counts in ("entered", "tree"):
            cells[counts][:, self._slots, 1] += np.uint64(1)


class Rounds(Signals):
    """Instead of waiting for the next reading: scrapes, and what the next one will find."""

    def __init__(self, waits: Waits) -> None:
        super().__init__(())
        self.address = Address("", 0)
        self._waits = waits
        self._left = READINGS

    def listen(self, settings: Settings, exporter: Exporter) -> Server:
        server = listen(settings, exporter)
        self.address = server.address
        return server

    def wait(self, *moments: float | None) -> None:
        for words in ("/", "/live.json", "/metrics HTTP/1.1\r\nAccept-Encoding: gzip"):
            self._ask(words)
        page = self._ask("/metrics")
        self._left -= 1
        if not self._left:
            series = sum(line.startswith(b"immap_") for line in page.splitlines())
            told = {"resident": _resident(), "series": series, "modules": sorted(sys.modules)}
            print(json.dumps(told), flush=True)
            # Without a kernel there is nothing to be detached.
            os._exit(0)
        self._waits.happen()

    def _ask(self, words: str) -> bytes:
        target, _, headers = words.partition(" HTTP/1.1\r\n")
        received = bytearray()
        with socket.create_connection((self.address.host, self.address.port)) as client:
            head = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}"
            client.sendall(f"{head.strip()}\r\n\r\n".encode())
            while more := client.recv(1 << 16):
                received += more
        return bytes(received)


def _resident() -> int:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1]) * 1024


def main() -> None:
    defaults = read_settings(None)
    settings = replace(
        defaults, interval=0.0, exporter=replace(defaults.exporter, listen=Address("127.0.0.1", 0))
    )
    sizes = Sizes(NODES, NODES, files=settings.files.tracked, rows=rows_for(NODES, ROWS_OF_A_NODE))
    session = Handover(KERNEL, True, sizes, Maps(sizes).descriptors, (), ())
    session.counting.prepare(range(NODES))
    vars(observer)["take_over"] = lambda order: session
    rounds = Rounds(Waits(session.counting, sizes))
    Service(settings, lambda: settings, Observer, rounds.listen).run(rounds)


if __name__ == "__main__":
    main()
