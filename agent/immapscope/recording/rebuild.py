# SPDX-License-Identifier: GPL-2.0-or-later
"""From a recording to the Snapshot that a trace of the same span makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from immapscope.recording.header import SlotCounts
from immapscope.recording.reader import Recording
from immapscope.recording.schema import Kind
from immapscope.recording.summary import counters_without_rows
from immapscope.recording.tally import LOCK_COLUMNS, TREE_COLUMNS, Tally
from immapscope.snapshot import Inode, Loss, LossUnit, Snapshot
from immapscope.tracing import counters as layouts
from immapscope.tracing.assemble import Context, assemble, wanted_slots
from immapscope.tracing.counters import CLAIMED, LOSS_REASONS, NO_SHARD, Counters, Structs
from immapscope.tracing.placement import Placement

#: -EEXIST of bpf_get_stackid(): another stack has the same hash (STACK_COLLIDED, probes/fold.c).
_COLLIDED: Final = -17
#: Kinds of rows that are acquisitions, whether they got the lock or not.
_ACQUISITIONS: Final = (Kind.ACQUISITION, Kind.FAILED_TRYLOCK)
_TASKS: Final = (Kind.FORK, Kind.EXEC, Kind.EXIT)


def snapshot_of(
    recording: Recording, wanted: Callable[[Inode], bool] | None = None, folded: bool = False
) -> Snapshot:
    """Of the files that are wanted, None for all; with stacks if `folded`.

    Raises UsageError where the recording is damaged.
    """
    header = recording.header
    files = _files(recording)
    bare = counters_without_rows(header, files)
    tally = _tally(recording, bare)
    stacks = _stacks(recording, tally) if folded else ()
    if folded:
        _count_collided(tally, bare.cells)
    counters = replace(bare, rows=tally.rows, stacks=stacks)
    context = Context(
        kernel=header.kernel,
        mode=header.mode,
        started=header.started,
        duration_ns=header.duration_ns,
        spin_known=header.spin_known,
        tree_operations=True,
        wanted=wanted,
        placement=Placement(header.kernel.shard_policy, header.home_nodes),
    )
    snapshot = assemble(counters, context)
    slots = [header.slots.get(slot) or SlotCounts() for slot in wanted_slots(counters, context)]
    loss = {**snapshot.loss, **_not_recorded(slots)}
    return replace(
        snapshot,
        loss=loss,
        notes=(*snapshot.notes, *_notes(recording)),
        command=header.command or None,
    )


def _files(recording: Recording) -> Structs:
    table = recording.table([Kind.FILE])
    told = table.to_pylist()
    last = max([row["slot"] for row in told] + list(recording.header.slots), default=0)
    files = np.zeros(last + 1, layouts.FILE)
    for row in told:
        file = files[row["slot"]]
        device = tuple(map(int, row["device"].split(":")))
        file["state"] = CLAIMED
        file["number"], file["generation"] = row["inode"], row["generation"]
        file["device"] = device[0] << 20 | device[1]
        file["shard"] = NO_SHARD if row["shard"] is None else row["shard"]
        file["deleted"] = row["deleted"]
        if row["name"] is not None:
            file["named"] = 1
            file["name"][: len(row["name"])] = np.frombuffer(row["name"], np.uint8)
    return files


def _tally(recording: Recording, counters: Counters) -> Tally:
    tally = Tally(counters.cells)
    for kind in (Kind.ACQUISITION, Kind.WAIT):
        for batch in recording.batches([kind], LOCK_COLUMNS):
            tally.locks(batch, finished=kind is Kind.ACQUISITION)
    for batch in recording.batches([Kind.TREE], TREE_COLUMNS):
        tally.trees(batch)
    for batch in recording.batches([Kind.FAILED_TRYLOCK], ["node", "slot"]):
        tally.failed_trylocks(batch)
    return tally


def _stacks(
    recording: Recording, tally: Tally
) -> tuple[tuple[int, tuple[str, ...], int, int], ...]:
    rows = recording.table([Kind.STACK], ["stack", "frames"]).to_pylist()
    frames = {row["stack"]: tuple(row["frames"].split(";")) for row in rows}
    return tuple(
        (slot, frames[stack], *weight)
        for (slot, stack), weight in tally.stacks.items()
        if stack in frames
    )


def _count_collided(tally: Tally, cells: Structs) -> None:
    """In place of what the header says: the kernel side counts them only where it folds too."""
    reason = [name for name, _ in LOSS_REASONS].index("stack_collided")
    cells["lost"][..., reason] = 0
    for (slot, stack), (waits, _) in tally.stacks.items():
        if stack == _COLLIDED:
            cells[0, slot]["lost"][reason] += waits


def _not_recorded(slots: Iterable[SlotCounts]) -> dict[str, Loss]:
    """What the ring buffer had no room for: a reason of its own, where there is any."""
    acquisitions = waits = trees = 0
    for counts in slots:
        acquisitions += sum(counts.refused.get(kind, 0) for kind in _ACQUISITIONS)
        waits += counts.refused_waits
        trees += counts.refused.get(Kind.TREE, 0)
    found = {
        "ring_full": Loss(LossUnit.ACQUISITIONS, acquisitions),
        "ring_full_waits": Loss(LossUnit.WAITS, waits),
        "ring_full_tree_operations": Loss(LossUnit.TREE_OPERATIONS, trees),
    }
    return {reason: loss for reason, loss in found.items() if loss.count}


def _notes(recording: Recording) -> Iterator[str]:
    header = recording.header
    if recording.truncated:
        yield "the recording was not closed: it ends with the last row group that was finished"
    slots = header.slots.values()
    if tasks := sum(counts.refused.get(kind, 0) for counts in slots for kind in _TASKS):
        yield f"{tasks:,} forks, execs and exits found no room in the ring buffer"
