# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in a storm that no kernel saw: each reading has more than the one before.

`python -m tests.live.storm [MODE [SECONDS]]` shows it live, as `immapscope top --interval` would,
and says how it ended.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random

from immapscope.grouping import SortKey
from immapscope.live.loop import watch
from immapscope.live.terminal import Terminal
from immapscope.live.view import first_view
from immapscope.snapshot import Loss, LossUnit, Mode, Row, Snapshot
from tests.synthetic import machine, snapshot_of


class Storm:
    """A `Source`. Every reading adds each row once or several times, or not at all."""

    def __init__(
        self,
        mode: Mode = Mode.CONTENTION,
        *,
        nodes: int = 4,
        files: int = 12,
        since_last_ns: Callable[[], int] = lambda: 2_000_000_000,
    ) -> None:
        self.opened = self.closed = False
        self.reads = 0
        self._base = machine(mode=mode, nodes=nodes, files=files, cpus=nodes * 2)
        self._times = [0] * len(self._base.rows)
        self._random = Random(1)
        self._since_last_ns = since_last_ns
        self._duration_ns = 0

    def open(self) -> None:
        self.opened = True

    def read(self) -> Snapshot:
        self.reads += 1
        self._duration_ns += self._since_last_ns()
        self._times = [times + self._random.choice((0, 1, 1, 3)) for times in self._times]
        rows = [
            _repeated(row, times)
            for row, times in zip(self._base.rows, self._times, strict=True)
            if times
        ]
        snapshot = snapshot_of(
            rows,
            kernel=self._base.kernel,
            mode=self._base.mode,
            execs=self.reads * 997,
            forks=self.reads * 1009,
            loss={"state_full": Loss(LossUnit.WAITS, 0)},
        )
        return replace(snapshot, duration_ns=self._duration_ns)

    def close(self) -> Snapshot:
        self.closed = True
        return self.read()


def _repeated(row: Row, times: int) -> Row:
    def all_of(count: int | None) -> int | None:
        return None if count is None else count * times

    return replace(
        row,
        acquisitions=all_of(row.acquisitions),
        contended=row.contended * times,
        wait_ns=row.wait_ns * times,
        spin_ns=all_of(row.spin_ns),
        hold_ns=all_of(row.hold_ns),
        wait_buckets=row.wait_buckets and tuple(count * times for count in row.wait_buckets),
    )


def main() -> None:
    last = time.monotonic_ns()

    def since_last_ns() -> int:
        nonlocal last
        before, last = last, time.monotonic_ns()
        return last - before

    mode = Mode(sys.argv[1]) if len(sys.argv) > 1 else Mode.CONTENTION
    interval = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    storm = Storm(mode, files=60, since_last_ns=since_last_ns)
    with Terminal(0, 1, color=True, encoding="utf-8") as terminal:
        by_key = watch(storm, terminal, first_view(mode, None, SortKey.WAIT), interval)
    print("ended by a key" if by_key else "ended by a signal", flush=True)


if __name__ == "__main__":
    main()
