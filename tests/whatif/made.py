# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that no kernel made, from columns: millions of rows in a second."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from immapscope.kernel.words import Operation
from immapscope.recording.header import Header
from immapscope.recording.rows import table
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer
from tests.recording.made import HEADER

#: Rows of a group, as the recorder has them.
GROUP: Final = 1 << 19

Columns = Mapping[str, Any]

_LABELS: Final = ["", *(word.label for word in sorted(Operation, key=lambda word: word.code))]


def header(node_of_cpu: Sequence[int], **changed: Any) -> Header:
    """Of a machine with these CPUs."""
    kernel = replace(HEADER.kernel, cpus=len(node_of_cpu), nodes=max(node_of_cpu) + 1)
    return replace(HEADER, **{"kernel": kernel, "node_of_cpu": tuple(node_of_cpu), **changed})


def words(labels: Sequence[str], codes: NDArray[Any]) -> pa.DictionaryArray:
    """Labels by their number; -1 is null."""
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int8), mask=codes < 0), pa.array(labels)
    )


def operations(codes: NDArray[Any]) -> pa.DictionaryArray:
    """By code."""
    return words(_LABELS, codes)


def sides(writes: NDArray[np.bool_]) -> pa.DictionaryArray:
    """How the lock was taken."""
    return words(["read", "write"], writes.astype(np.int8))


def acquired(
    *,
    task: NDArray[Any],
    asked: NDArray[Any],
    hold: NDArray[Any],
    wait: NDArray[Any] | None = None,
    spin: NDArray[Any] | None = None,
    cpu: NDArray[Any] | None = None,
    node: NDArray[Any] | None = None,
    slot: NDArray[Any] | None = None,
    operation: NDArray[Any] | None = None,
    writes: NDArray[Any] | None = None,
) -> dict[str, Any]:
    """Acquisitions in the order in which they are given; `wait` 0 is none, `spin` not known."""
    count = len(task)
    nothing = np.zeros(count, np.int64)
    wait = nothing if wait is None else np.asarray(wait).astype(np.int64)
    spin = np.full(count, -1) if spin is None else np.asarray(spin).astype(np.int64)
    inserts = np.full(count, Operation.INSERT.code)
    return {
        "time_ns": np.asarray(asked).astype(np.int64),
        "task": task,
        "cpu": nothing if cpu is None else cpu,
        "node": nothing if node is None else node,
        "slot": nothing + 1 if slot is None else slot,
        "acquisition": np.arange(1, count + 1),
        "side": sides(np.ones(count, bool) if writes is None else writes),
        "operation": operations(inserts if operation is None else operation),
        "wait_ns": pa.array(wait, mask=wait == 0),
        "spin_ns": pa.array(spin, mask=(wait == 0) | (spin < 0)),
        "hold_ns": np.asarray(hold).astype(np.int64),
    }


def inserted(acquisitions: Columns, vma: NDArray[Any]) -> dict[str, Any]:
    """One new VMA for each acquisition."""
    count = len(vma)
    return {
        "time_ns": acquisitions["time_ns"],
        "task": acquisitions["task"],
        "acquisition": acquisitions["acquisition"],
        "operation": operations(np.full(count, Operation.INSERT.code)),
        "vma": vma,
        "vma_reuse": np.zeros(count, np.int64),
    }


def write(path: Path, header: Header, rows: Mapping[Kind, Columns]) -> Path:
    """A recording that was closed, its groups in turn as a recorder writes them."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        writer = Writer(descriptor)
        tables = {kind: table(kind, columns) for kind, columns in rows.items()}
        most = max((one.num_rows for one in tables.values()), default=0)
        for begin in range(0, most, GROUP):
            for kind, whole in tables.items():
                part = whole.slice(begin, GROUP)
                if part.num_rows:
                    writer.write(kind, part)
        writer.finish(header)
    finally:
        os.close(descriptor)
    return path
