# SPDX-License-Identifier: GPL-2.0-or-later
"""The golden scrapes of fixed snapshots; `python -m tests.exporter.scraped` writes them anew."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from immapscope.exporter import Exporter, Limits
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Inode, Mode, Shard, Snapshot, Sweep
from tests.exporter.machines import MS, STATUS, inode, interval, room_for, wait
from tests.synthetic import LIBC, contended_row, exec_storm

GOLDEN: Final = Path(__file__).parent / "golden"
HOSTILE: Final = Inode("0:41", 5, 1, '\x1b[31m"q"\\n\n\udcff é')


def pages() -> dict[str, bytes]:
    """File name of each golden scrape to what it should hold now."""
    full, restarted = _observed([_split_storm()], Limits()), _observed(_restart(), _NARROW)
    return {
        "full.txt": full.pages.text,
        "full.openmetrics": full.pages.openmetrics,
        "landing.html": full.pages.landing,
        "live.json": full.pages.live,
        "restarted.txt": restarted.pages.text,
        "restarted.openmetrics": restarted.pages.openmetrics,
    }


_NARROW: Final = Limits(room_for(5), remembered_files=0)


def _observed(intervals: list[Snapshot], limits: Limits) -> Exporter:
    times = iter(range(1_781_181_000, 1_781_182_000, 15))
    with tempfile.TemporaryDirectory() as folder:
        proc = _fake_proc(Path(folder))
        exporter = Exporter(limits, clock=lambda: float(next(times)), proc=proc)
        for one in intervals:
            exporter.observe(one, STATUS)
    return exporter


def _split_storm() -> Snapshot:
    """Two libraries and a hostile name, two shards, sweeps; full mode."""
    storm = exec_storm()
    more = [
        contended_row(HOSTILE, 3, Operation.INSERT, Cause.MMAP, [2**12, 2**40], spin_ns=2**12),
        replace(contended_row(LIBC, 1, Operation.ADJUST, None, [77_000]), shard=None),
    ]
    return replace(
        storm,
        kernel=replace(storm.kernel, layout="split", shards=2, shard_policy="node"),
        rows=(*storm.rows, *more),
        shards=(*storm.shards, Shard(LIBC, 1, None, None, 0, 0, 0, 1, 77_000)),
        sweeps=(Sweep(LIBC, 3, 200 * MS),),
    )


def _restart() -> list[Snapshot]:
    """A file loses its series, is forgotten, and comes back."""
    others = [wait(inode(number), 900 * MS) for number in range(2, 7)]
    return [
        interval([wait(None, MS), wait(inode(1), MS)]),
        interval(others),
        interval([wait(inode(1), 90_000 * MS)], mode=Mode.CONTENTION),
    ]


def _fake_proc(folder: Path) -> Path:
    own = folder / "self"
    (own / "fd").mkdir(parents=True)
    for name in "012":
        (own / "fd" / name).touch()
    (folder / "stat").write_text("cpu  0 0 0 0\nbtime 1781180000\n")
    fields = ["0"] * 50
    fields[11], fields[12], fields[19], fields[20], fields[21] = (
        "125", "75", "50000", "104857600", "10240",
    )  # fmt: skip
    (own / "stat").write_text(f"77 (immapscope) {' '.join(fields)}\n")
    (own / "limits").write_text("Max open files            1024                 524288     files\n")
    return folder


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, page in pages().items():
        (GOLDEN / name).write_bytes(page)
