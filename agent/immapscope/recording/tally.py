# SPDX-License-Identifier: GPL-2.0-or-later
"""Adding rows of a recording up as the kernel does, batch by batch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from immapscope.kernel.words import Cause, Operation
from immapscope.recording.rows import HOLDERS
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS
from immapscope.tracing import counters as layouts
from immapscope.tracing.counters import CLAIMED, Structs

Numbers = NDArray[np.int64]

_BOUNDS: Final = np.array(WAIT_BUCKET_BOUNDS_NS)
_OPERATIONS: Final = {word.label: word.code for word in Operation}
_CAUSES: Final = {word.label: word.code for word in Cause}
_HOLDERS: Final = {kind.value: code for code, kind in enumerate(HOLDERS, start=1)}
_KEY: Final = ("slot", "node", "holder_node", "holder", "operation", "cause", "spin_known")

#: The columns that `Tally.locks` and `Tally.trees` read.
LOCK_COLUMNS: Final = (
    "kind", "node", "slot", "side", "operation", "cause", "wait_ns", "spin_ns", "hold_ns",
    "holder_kind", "holder_node", "interrupted", "stack",
)  # fmt: skip
TREE_COLUMNS: Final = ("node", "slot", "operation")


class Tally:
    """`cells` are those of the header, and are added to."""

    def __init__(self, cells: Structs) -> None:
        self._cells = cells
        self._rows = np.zeros(0, layouts.ROW)
        #: (slot, stack id): waits and their ns.
        self.stacks: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def rows(self) -> Structs:
        """Contended rows, as the kernel would have them."""
        return self._rows

    def failed_trylocks(self, batch: pa.RecordBatch) -> None:
        """Each counts for its file."""
        np.add.at(self._cells["failed_trylocks"], (_n(batch, "node"), _n(batch, "slot")), 1)

    def trees(self, batch: pa.RecordBatch) -> None:
        """Changes of trees."""
        operation = _codes(batch, "operation", _OPERATIONS) - Operation.INSERT.code
        np.add.at(self._cells["tree"], (_n(batch, "node"), _n(batch, "slot"), operation), 1)

    def locks(self, batch: pa.RecordBatch, finished: bool) -> None:
        """Acquisitions if `finished`, else waits without one."""
        waited = _known(batch, "wait_ns")
        if finished:
            had_at_once = batch.filter(pa.array(~waited))
            where = (
                _n(had_at_once, "node"),
                _n(had_at_once, "slot"),
                _codes(had_at_once, "operation", _OPERATIONS),
            )
            np.add.at(self._cells["acquired"], where, 1)
            np.add.at(self._cells["hold_ns"], where, _n(had_at_once, "hold_ns").astype(np.uint64))
        self._waits(batch.filter(pa.array(waited)), finished)

    def _waits(self, batch: pa.RecordBatch, finished: bool) -> None:
        if not batch.num_rows:
            return
        ended = ~_n(batch, "interrupted").astype(bool)
        wait = _n(batch, "wait_ns")
        new = np.zeros(batch.num_rows, layouts.ROW)
        new["slot"], new["node"] = _n(batch, "slot"), _n(batch, "node")
        new["holder"] = _codes(batch, "holder_kind", _HOLDERS)
        new["holder_node"] = _n(batch, "holder_node")
        new["operation"] = _codes(batch, "operation", _OPERATIONS)
        new["cause"] = _codes(batch, "cause", _CAUSES)
        new["spin_known"] = _codes(batch, "side", {"read": 0, "write": 1})
        new["acquisitions"] = finished
        new["contended"], new["interrupted"] = ended, ~ended
        new["wait_ns"] = new["wait_max_ns"] = np.where(ended, wait, 0)
        new["spin_ns"] = np.where(ended, _n(batch, "spin_ns"), 0)
        new["hold_ns"] = _n(batch, "hold_ns")
        bucket = np.searchsorted(_BOUNDS, wait)
        new["buckets"][np.arange(len(new)), bucket] = ended
        self._rows = _summed(np.concatenate([self._rows, new]))
        self._weigh(_n(batch, "slot")[ended], _n(batch, "stack")[ended], wait[ended])

    def _weigh(self, slot: Numbers, stack: Numbers, wait: Numbers) -> None:
        keys, index = np.unique(np.stack([slot, stack]), axis=1, return_inverse=True)
        waits = np.bincount(index.ravel(), minlength=keys.shape[1])
        total = np.zeros(keys.shape[1], np.int64)
        np.add.at(total, index.ravel(), wait)
        for key, count, wait_ns in zip(keys.T.tolist(), waits, total, strict=True):
            before = self.stacks.get((key[0], key[1]), (0, 0))
            self.stacks[key[0], key[1]] = (before[0] + int(count), before[1] + int(wait_ns))


def _summed(rows: Structs) -> Structs:
    """One row for each key."""
    keys = np.stack([rows[name].astype(np.int64) for name in _KEY])
    unique, index = np.unique(keys, axis=1, return_inverse=True)
    index = index.ravel()
    found = np.zeros(unique.shape[1], layouts.ROW)
    for name, values in zip(_KEY, unique, strict=True):
        found[name] = values
    found["state"] = CLAIMED
    for name in ("acquisitions", "contended", "interrupted", "wait_ns", "spin_ns", "hold_ns"):
        np.add.at(found[name], index, rows[name])
    np.add.at(found["buckets"], index, rows["buckets"])
    np.maximum.at(found["wait_max_ns"], index, rows["wait_max_ns"])
    return found


def _n(batch: pa.RecordBatch, name: str) -> Any:
    """A column of numbers, 0 where it is null."""
    column = batch.column(batch.schema.get_field_index(name))
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    filled = column.fill_null(0)
    return filled.to_numpy(zero_copy_only=False).astype(np.int64)


def _known(batch: pa.RecordBatch, name: str) -> NDArray[np.bool_]:
    column = batch.column(batch.schema.get_field_index(name))
    known: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return known


def _codes(batch: pa.RecordBatch, name: str, codes: dict[str, int]) -> Numbers:
    """A column of words as codes, 0 where it is null. Raises KeyError for a word that is none."""
    column = batch.column(batch.schema.get_field_index(name))
    by_index = np.array([codes[word] for word in column.dictionary.to_pylist()] + [0], np.int64)
    indices = column.indices.fill_null(len(by_index) - 1).to_numpy(zero_copy_only=False)
    found: Numbers = by_index[indices]
    return found
