# SPDX-License-Identifier: GPL-2.0-or-later
"""From the kernel's records to rows of a recording. Needs no kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from immapscope.kernel.words import Cause, Operation
from immapscope.recording import records as record
from immapscope.recording.records import KINDS, Records
from immapscope.recording.schema import SCHEMA, Kind
from immapscope.recording.vmas import Changes, Identities
from immapscope.snapshot import HolderKind

#: By code; enum holder of probes/row.c, enum side of probes/session.c.
HOLDERS: Final = (HolderKind.WRITER, HolderKind.READER, HolderKind.UNKNOWN)
SIDES: Final = ("read", "write")
_OPERATIONS: Final = tuple(word.label for word in sorted(Operation, key=lambda word: word.code))
_CAUSES: Final = tuple(word.label for word in sorted(Cause, key=lambda word: word.code))
_KINDS: Final = tuple(kind.value for kind in Kind)

Mask = NDArray[np.bool_]


class Rows:
    """Turns records into tables of SCHEMA, one for each kind.

    `opened_ns`: CLOCK_MONOTONIC as the session opened. Batches must come in the ring's order.
    """

    def __init__(self, opened_ns: int) -> None:
        self._opened_ns = opened_ns
        self._identities = Identities()

    def tables(self, records: Records) -> dict[Kind, pa.Table]:
        """The rows of these records, kinds without any left out."""
        found = {}
        for code, kind in enumerate(KINDS):
            of_kind = records[records["kind"] == code]
            if len(of_kind):
                found[kind] = self._table(kind, of_kind)
        return found

    def _table(self, kind: Kind, records: Records) -> pa.Table:
        columns = {
            "time_ns": records["time"].astype(np.int64) - self._opened_ns,
            "task": records["task"],
            "cpu": records["cpu"],
            "node": records["node"],
        }
        if kind is Kind.FORK:
            return table(kind, columns | {"child": records["slot"]})
        if kind in record.OF_FILES:
            columns |= {"slot": records["slot"], "acquisition": _none(records["id"], 0)}
        if kind is Kind.TREE:
            columns |= {"operation": _word(_OPERATIONS, records["operation"])}
            columns |= self._vmas(records)
        elif kind is Kind.FAILED_TRYLOCK:
            columns |= {"side": _word(SIDES, records["side"].astype(np.int16) + 1)}
        elif kind in record.OF_FILES:
            columns |= _of_locks(kind, records)
        return table(kind, columns)

    def _vmas(self, records: Records) -> dict[str, Any]:
        vma, parent = records["wait_or_vma"], records["spin_or_parent"]
        removes = records["operation"] == Operation.REMOVE.code
        reuse, of_parent = self._identities.number(Changes(vma, parent, removes, records["id"]))
        return {
            "vma": vma,
            "vma_reuse": reuse,
            "parent_vma": _none(parent, 0),
            "parent_reuse": pa.array(of_parent, mask=parent == 0),
        }


def _of_locks(kind: Kind, records: Records) -> dict[str, Any]:
    flags = records["flags"]
    waited = (flags & record.CONTENDED) != 0
    wait = records["wait_or_vma"].astype(np.int64)
    spin = records["spin_or_parent"].astype(np.int64)
    writer = records["side"] == SIDES.index("write")
    held_by_writer = records["holder"] == HOLDERS.index(HolderKind.WRITER) + 1
    columns = {
        "side": _word(SIDES, records["side"].astype(np.int16) + 1),
        "operation": _word(_OPERATIONS, records["operation"]),
        "cause": _word(_CAUSES, np.where(waited, records["cause"], 0)),
        "wait_ns": pa.array(wait, mask=~waited),
        "spin_ns": pa.array(spin, mask=~(waited & writer)),
        "holder_kind": _word(HOLDERS, np.where(waited, records["holder"], 0)),
        "holder_node": pa.array(records["holder_node"], mask=~(waited & held_by_writer)),
        # Negative where the kernel could not tell: its error.
        "stack": pa.array(records["stack"], mask=~waited & (records["stack"] < 0)),
    }
    if kind is Kind.WAIT:
        return columns | {"interrupted": (flags & record.INTERRUPTED) != 0}
    hold = records["hold"].astype(np.int64)
    unknown = (flags & record.HOLD_UNKNOWN) != 0
    return columns | {"hold_ns": pa.array(hold, mask=unknown)}


def table(kind: Kind, columns: Mapping[str, Any]) -> pa.Table:
    """Rows of one kind; what is not given is null."""
    count = len(next(iter(columns.values())))
    arrays = []
    for field in SCHEMA:
        if field.name == "kind":
            code = np.full(count, _KINDS.index(kind.value) + 1)
            arrays.append(_word(_KINDS, code))
        elif field.name in columns:
            arrays.append(_as(field.type, columns[field.name]))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _as(type_: pa.DataType, values: Any) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(np.ascontiguousarray(values))
    return array if array.type == type_ else array.cast(type_)


def _none(values: NDArray[Any], nothing: int) -> pa.Array:
    return pa.array(values, mask=values == nothing)


def _word(words: Iterable[str], codes: NDArray[Any]) -> pa.Array:
    """Codes count from 1; 0 is null."""
    indices = pa.array((codes.astype(np.int16) - 1).astype(np.int8), mask=codes == 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array([str(word) for word in words]))
