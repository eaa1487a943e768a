# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a recording: a row for each slot, and a new one when more is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from immapscope.recording.rows import table
from immapscope.recording.schema import Kind
from immapscope.tracing.assemble import device_name
from immapscope.tracing.counters import BURNED, NO_SHARD, UNCLAIMED, Structs

#: What a file row says, of the fields that the kernel keeps.
_TOLD = ("number", "device", "generation", "shard", "named", "deleted", "name")


class FileRows:
    """`read` gives the slots that were handed out so far."""

    def __init__(self, read: Callable[[], Structs]) -> None:
        self._read = read
        self._told: Structs | None = None

    def changed(self) -> pa.Table | None:
        """Rows of what is new since the last call; of two rows of one slot the later one counts."""
        files = self._read()
        told = np.zeros(len(files), files.dtype)
        if self._told is not None:
            told[: len(self._told)] = self._told
        differs = np.zeros(len(files), bool)
        for name in _TOLD:
            one = files[name] != told[name]
            differs |= one.any(axis=1) if one.ndim > 1 else one
        self._told = files.copy()
        new = np.flatnonzero(differs & ~np.isin(files["state"], (UNCLAIMED, BURNED)))
        return _table(new, files[new]) if len(new) else None


def _table(slots: Any, files: Structs) -> pa.Table:
    names = [
        file["name"].tobytes().partition(b"\0")[0] if file["named"] else None for file in files
    ]
    shard = files["shard"]
    return table(
        Kind.FILE,
        {
            "slot": slots,
            "shard": pa.array(np.where(shard == NO_SHARD, 0, shard), mask=shard == NO_SHARD),
            "device": pa.array([device_name(int(device)) for device in files["device"]]),
            "inode": files["number"],
            "generation": files["generation"],
            "name": pa.array(names, pa.binary()),
            "deleted": files["deleted"] != 0,
        },
    )
