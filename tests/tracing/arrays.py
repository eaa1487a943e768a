# SPDX-License-Identifier: GPL-2.0-or-later
"""A session's maps without a kernel: memory that is mapped as the kernel's arrays would be."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Final

from immapscope.snapshot import Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing.assemble import Context
from immapscope.tracing.counting import Counting
from immapscope.tracing.handover import MAPS
from immapscope.tracing.sizes import Sizes
from tests.synthetic import KERNEL

#: Two nodes of one CPU, four slots for files, six rows beside those that every session has.
SMALL: Final = Sizes(cpus=2, nodes=2, files=5, rows=16 + 6, waiting=8, held=8)


def context(mode: Mode = Mode.CONTENTION) -> Context:
    """What intervals are assembled with: every file, everything measured."""
    return Context(
        kernel=KERNEL,
        mode=mode,
        started=datetime(2026, 6, 11, tzinfo=UTC),
        duration_ns=0,
        spin_known=True,
        tree_operations=True,
    )


def lengths(sizes: Sizes) -> dict[str, int]:
    """Bytes of each map, the indexes' as good as empty."""
    return {
        "control": layouts.CONTROL.itemsize,
        "cpu_counts": layouts.CPU_COUNTS.itemsize * sizes.cpus,
        "node_of_cpu": layouts.NUMBER.itemsize * sizes.cpus,
        "files": layouts.FILE.itemsize * sizes.files,
        "free_files": layouts.NUMBER.itemsize * sizes.files,
        "cells": layouts.CELL.itemsize * sizes.files * sizes.nodes,
        "rows": layouts.ROW.itemsize * sizes.rows,
        "free_rows": layouts.NUMBER.itemsize * sizes.rows,
        "file_index": 1,
        "row_index": 1,
    }


def memory(name: str, length: int) -> int:
    """A descriptor of so many bytes, in whole pages as the kernel maps them."""
    descriptor = os.memfd_create(name)
    os.ftruncate(descriptor, -(-length // 4096) * 4096)
    return descriptor


class Maps:
    """The descriptors of all maps, open while it is entered."""

    def __init__(self, sizes: Sizes = SMALL) -> None:
        self.sizes = sizes
        long = lengths(sizes)
        self.descriptors = {name: memory(name, long[name]) for name in MAPS}

    def counting(self) -> Counting:
        """Prepared for CPU n on node n."""
        counting = Counting(self.descriptors.__getitem__, self.sizes)
        counting.prepare(range(self.sizes.cpus))
        return counting

    def __enter__(self) -> Maps:
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self.descriptors.values():
            os.close(descriptor)


def small_counting(sizes: Sizes = SMALL) -> Counting:
    """The arrays alone; they live as long as it does."""
    with Maps(sizes) as maps:
        return maps.counting()
