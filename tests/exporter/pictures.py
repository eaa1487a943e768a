# SPDX-License-Identifier: GPL-2.0-or-later
"""python -m tests.exporter.pictures [FOLDER]: the live page as a browser shows it, for the docs.

A made-up host: an exec storm that grows on a kernel with a tree a node. Needs chromium and
chromium-driver.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from selenium.webdriver.support.ui import WebDriverWait

from immapscope.exporter import Exporter, Pages, Server
from immapscope.kernel.words import Cause, Operation
from immapscope.settings import Address
from immapscope.snapshot import Inode, Loss, LossUnit, Row, Shard, Snapshot, TreeOperations
from tests.exporter import browser
from tests.exporter.machines import STATUS, an_exporter, interval
from tests.synthetic import contended_row

PICTURES = Path(__file__).parents[2] / "docs/pictures"
_FILES = (
    ("libc.so.6", 1.0), ("ld-linux-x86-64.so.2", 0.42), ("libselinux.so.1", 0.11),
    ("bash", 0.06), ("libtinfo.so.6.5", 0.04), ("locale-archive", 0.02),
)  # fmt: skip
_CAUSES = (
    (Cause.MMAP, Operation.INSERT, 0.34), (Cause.MMAP, Operation.ADJUST, 0.22),
    (Cause.EXEC, Operation.INSERT, 0.16), (Cause.EXIT, Operation.REMOVE, 0.12),
    (Cause.MPROTECT, Operation.ADJUST, 0.1), (Cause.FORK, Operation.INSERT_AFTER, 0.06),
)  # fmt: skip


def _rows(random: Random, load: float, nodes: int, trees: int) -> Iterator[Row]:
    for rank, (name, share) in enumerate(_FILES):
        inode = Inode("254:0", 1234 + rank, 7, name)
        for node in range(nodes):
            for holder in range(nodes):
                near = 6.0 if node == holder else 0.6
                for cause, operation, part in _CAUSES:
                    part *= share * near * random.uniform(0.6, 1.4)
                    wait = max(1, int(1e9 * load * part / nodes**2))
                    row = contended_row(inode, node, operation, cause, [wait], holder_node=holder)
                    yield replace(row, shard=holder if trees > 1 else 0)


def _intervals(nodes: int, trees: int, count: int) -> Iterator[Snapshot]:
    random = Random(11)
    for number in range(count):
        load = 2.2 + 1.1 * math.sin(number / 9) + (5.0 if number > 0.8 * count else 0.0)
        rows = list(_rows(random, load, nodes, trees))
        libc = Inode("254:0", 1234, 7, "libc.so.6")
        homes = [Shard(libc, tree, tree, 500, 900, 90, 950, 9, 1) for tree in range(trees)]
        one = interval(rows, trees=[TreeOperations(libc, 0, 0, 4000, 400, 4300)])
        kernel = replace(
            one.kernel, nodes=nodes, cpus=32 * nodes, shards=trees,
            layout="split" if trees > 1 else "single",
            shard_policy="node" if trees > 1 else None,
        )  # fmt: skip
        loss = {"exit_missed": Loss(LossUnit.WAITS, 0)}
        totals = replace(one.totals, execs=31_000, forks=32_000)
        yield replace(one, kernel=kernel, shards=tuple(homes), loss=loss, totals=totals)


def _exporter(nodes: int, trees: int) -> Exporter:
    exporter = an_exporter()
    for number, one in enumerate(_intervals(nodes, trees, 120)):
        at = 1_781_181_000.0 + 15 * number
        exporter.observe(one, replace(STATUS, snapshot_time=at, tracked_inodes=1873))
    return exporter


def _same(pages: Pages) -> Pages:
    return pages


def main(folder: Path) -> None:
    """One picture for a desk, one for the dark, one for a phone."""
    for name, nodes, trees, size, options in (
        ("live-desktop", 12, 12, (1200, 1500), []),
        ("live-dark", 4, 1, (1200, 1300), ["--force-dark-mode"]),
        ("live-phone", 4, 4, (360, 1500), []),
    ):
        exporter = _exporter(nodes, trees)
        pages = exporter.pages
        server = Server(Address("127.0.0.1", 0), partial(_same, pages))
        server.start()
        try:
            with browser.chromium(*size, options=options) as window:
                window.get(f"http://127.0.0.1:{server.address.port}/")
                WebDriverWait(window, 40).until(
                    lambda w: w.execute_script("return !document.getElementById('live').hidden")
                )
                window.save_screenshot(str(folder / f"{name}.png"))
        finally:
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
