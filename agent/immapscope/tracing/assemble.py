# SPDX-License-Identifier: GPL-2.0-or-later
"""From a copy of the counters to a Snapshot: names, sums, losses. Pure; needs no kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from immapscope.grouping import ALL_KEYS, FileIdentity, group, identity
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import (
    HolderKind,
    Inode,
    KernelFacts,
    Loss,
    LossUnit,
    Mode,
    PerUnit,
    Row,
    Shard,
    Snapshot,
    StackWeight,
    Sweep,
    Totals,
    TreeOperations,
)
from immapscope.tracing.counters import (
    BURNED,
    CLAIMED,
    HELD_CONTENDED,
    LOSS_REASONS,
    NO_SHARD,
    RETIRING,
    UNCLAIMED,
    Counters,
    Structs,
)
from immapscope.tracing.placement import ONE_TREE, Placement

ACQUISITION, WAIT = 0, 1
INSERT, INSERT_AFTER, REMOVE = 0, 1, 2
#: The slot of the files beyond the slots.
NO_FILE = 0

_HOLDERS = {1: HolderKind.WRITER, 2: HolderKind.READER, 3: HolderKind.UNKNOWN}
_REASONS = [reason for reason, _ in LOSS_REASONS]
_RECURSION_UNITS = {
    "recursion": LossUnit.ACQUISITIONS,
    "recursion_waits": LossUnit.WAITS,
    "recursion_tree_operations": LossUnit.TREE_OPERATIONS,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What the counters themselves do not say.

    `wanted` tells which files the session is about, None for all. `paths` gives a path for a
    (device, number) where one is known. `placement`: how a kernel of several trees gives VMAs
    their shard.
    """

    kernel: KernelFacts
    mode: Mode
    started: datetime
    duration_ns: int
    spin_known: bool
    tree_operations: bool
    wanted: Callable[[Inode], bool] | None = None
    paths: Mapping[tuple[str, int], str] | None = None
    placement: Placement = ONE_TREE


def device_name(device: int) -> str:
    """The kernel's dev_t (include/linux/kdev_t.h: 12 bits major, 20 bits minor) as MAJOR:MINOR."""
    return f"{device >> 20}:{device & 0xFFFFF}"


def assemble(counters: Counters, context: Context) -> Snapshot:
    """The Snapshot that these counters make."""
    inodes = _as_one(list(_inodes(counters.files, context)))
    slots = _wanted_slots(inodes, context)
    view = _View(counters, context, inodes, slots)
    # Readers and writers have rows apart in the kernel; what was had at once is distinct already.
    rows = (*group(view.contended_rows(), ALL_KEYS), *view.uncontended_rows())
    return Snapshot(
        kernel=_facts(counters, context),
        mode=context.mode,
        started=context.started,
        duration_ns=context.duration_ns,
        rows=rows,
        shards=tuple(view.shards(rows)),
        tree_operations=tuple(view.tree_operations()),
        sweeps=tuple(view.sweeps()),
        loss=view.loss,
        entered=view.entered(),
        in_flight=view.in_flight(rows),
        boundary=view.boundary(),
        totals=view.totals(rows),
        stacks=view.stacks(),
        notes=view.notes(),
    )


def wanted_slots(counters: Counters, context: Context) -> list[int]:
    """The slots that the Snapshot is of."""
    return _wanted_slots(list(_inodes(counters.files, context)), context)


def _wanted_slots(inodes: list[Inode | None], context: Context) -> list[int]:
    return [slot for slot, inode in enumerate(inodes) if _is_wanted(slot, inode, context)]


def _facts(counters: Counters, context: Context) -> KernelFacts:
    policy = context.placement.policy
    return replace(context.kernel, shards=max(1, counters.shards), shard_policy=policy)


def _as_one(inodes: list[Inode | None]) -> list[Inode | None]:
    """The same file in each of its slots: what one of them knows, and whether any saw it go."""
    known: dict[FileIdentity, Inode] = {}
    for inode in inodes:
        if inode is not None:
            other = known.get(identity(inode), inode)
            name, deleted = other.name or inode.name, other.deleted or inode.deleted
            known[identity(inode)] = replace(inode, name=name, deleted=deleted)
    return [inode and known[identity(inode)] for inode in inodes]


def _is_wanted(slot: int, inode: Inode | None, context: Context) -> bool:
    """A slot without an inode is that of the files beyond the slots, or nobody's."""
    if inode is None:
        return slot == NO_FILE and context.wanted is None
    return context.wanted is None or context.wanted(inode)


def _inodes(files: Structs, context: Context) -> Iterator[Inode | None]:
    for slot, file in enumerate(files):
        if slot == NO_FILE or file["state"] in (UNCLAIMED, BURNED):
            yield None
            continue
        device, number = device_name(int(file["device"])), int(file["number"])
        name = file["name"].tobytes().partition(b"\0")[0] if file["named"] else b""
        yield Inode(
            device=device,
            number=number,
            generation=int(file["generation"]),
            name=name.decode("utf-8", "surrogateescape") or None,
            path=(context.paths or {}).get((device, number)),
            deleted=bool(file["deleted"]),
        )


def _vmas(file: np.void) -> int | None:
    """None where it is not known what the tree holds, or will not be from now on.

    It began too late, went below 0 since the kernel skipped an insert, or ends with the slot.
    """
    count = int(file["vmas"])
    known = file["vmas_known"] and file["state"] != RETIRING
    return count if known and count < 1 << 63 else None


@dataclass(frozen=True)
class _View:
    """The counters of the wanted slots."""

    counters: Counters
    context: Context
    inodes: list[Inode | None]
    slots: list[int]

    @property
    def full(self) -> bool:
        return self.context.mode is Mode.FULL

    @property
    def measured_trees(self) -> bool:
        return self.full or self.context.tree_operations

    def measures(self, unit: LossUnit) -> bool:
        """Whether such a thing is measured at all, so that 0 of it can be lost."""
        return {
            LossUnit.ACQUISITIONS: self.full,
            LossUnit.TREE_OPERATIONS: self.measured_trees,
        }.get(unit, True)

    @cached_property
    def shard_of(self) -> list[int | None]:
        """The shard of each slot's lock or tree; None for a lock over all trees of a mapping."""
        shards = self.counters.files["shard"].tolist()
        # The slot of the files beyond the slots is of no shard either, where there are several.
        shards[NO_FILE] = 0 if self.context.placement.policy is None else NO_SHARD
        return [None if shard == NO_SHARD else shard for shard in shards]

    @cached_property
    def cells(self) -> Structs:
        return self.counters.cells[:, self.slots]

    def of_wanted(self, slots: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these slots, each of a row or a state, are wanted."""
        # With a table: the other way imports numpy.ma, which is 2 MB of a daemon's memory.
        return np.isin(slots, np.array(self.slots, np.intp), kind="table")

    def contended_rows(self) -> Iterator[Row]:
        rows = self.counters.rows
        filled = (rows["state"] == CLAIMED) & (
            (rows["contended"] != 0) | (rows["interrupted"] != 0)
        )
        for row in rows[filled & self.of_wanted(rows["slot"])]:
            writer = row["holder"] == 1
            waited = row["contended"] != 0
            spin_known = waited and self.context.spin_known and row["spin_known"]
            yield Row(
                inode=self.inodes[row["slot"]],
                shard=self.shard_of[row["slot"]],
                node=int(row["node"]),
                holder_kind=_HOLDERS.get(int(row["holder"])),
                holder_node=int(row["holder_node"]) if writer else None,
                operation=Operation.from_code(int(row["operation"])),
                cause=Cause.from_code(int(row["cause"])),
                acquisitions=int(row["acquisitions"]) if self.full else None,
                contended=int(row["contended"]),
                interrupted=int(row["interrupted"]),
                wait_ns=int(row["wait_ns"]),
                spin_ns=int(row["spin_ns"]) if spin_known else None,
                wait_max_ns=int(row["wait_max_ns"]),
                hold_ns=int(row["hold_ns"]) if self.full else None,
                wait_buckets=tuple(map(int, row["buckets"])) if waited else None,
            )

    def uncontended_rows(self) -> Iterator[Row]:
        if not self.full:
            return
        acquired, held = self.cells["acquired"], self.cells["hold_ns"]
        # An interval may end between the two counts of one hold.
        found = np.nonzero((acquired != 0) | (held != 0))
        # As lists: numpy hands out single numbers slowly, and there may be 100,000 rows.
        columns = (*found, acquired[found], held[found])
        for node, index, code, count, hold_ns in zip(*(c.tolist() for c in columns), strict=True):
            yield Row(
                inode=self.inodes[self.slots[index]],
                shard=self.shard_of[self.slots[index]],
                node=node,
                holder_kind=None,
                holder_node=None,
                operation=Operation.from_code(code),
                cause=None,
                acquisitions=count,
                contended=0,
                interrupted=0,
                wait_ns=0,
                spin_ns=None,
                wait_max_ns=0,
                hold_ns=hold_ns,
                wait_buckets=None,
            )

    def tree_operations(self) -> Iterator[TreeOperations]:
        tree = self.cells["tree"]
        for node, index in np.argwhere(tree.any(axis=2)):
            counts = tree[node, index]
            yield TreeOperations(
                inode=self.inodes[self.slots[index]],
                shard=self.shard_of[self.slots[index]],
                node=int(node),
                inserts=int(counts[INSERT]),
                inserts_after=int(counts[INSERT_AFTER]),
                removes=int(counts[REMOVE]),
            )

    def shards(self, rows: tuple[Row, ...]) -> Iterator[Shard]:
        if not self.measured_trees:
            return
        waits: dict[tuple[Inode | None, int | None], tuple[int, int]] = {}
        for row in rows:
            key = (row.inode, row.shard)
            contended, wait_ns = waits.get(key, (0, 0))
            waits[key] = (contended + row.contended, wait_ns + row.wait_ns)
        homes = self.context.placement.home_nodes
        tree = self.cells["tree"].sum(axis=0)
        for index, slot in enumerate(self.slots):
            inode, file = self.inodes[slot], self.counters.files[slot]
            shard = self.shard_of[slot]
            contended, wait_ns = waits.get((inode, shard), (0, 0))
            forgotten = file["vmas_known"] and file["state"] == RETIRING
            if not (tree[index].any() or contended or forgotten):
                continue
            yield Shard(
                inode=inode,
                shard=shard,
                home_node=None if shard is None else homes.get(shard),
                vmas=_vmas(file),
                inserts=int(tree[index][INSERT]),
                inserts_after=int(tree[index][INSERT_AFTER]),
                removes=int(tree[index][REMOVE]),
                contended=contended,
                wait_ns=wait_ns,
            )

    def sweeps(self) -> Iterator[Sweep]:
        for slot in self.slots:
            file = self.counters.files[slot]
            if file["sweeps"]:
                yield Sweep(self.inodes[slot], int(file["sweeps"]), int(file["sweep_wait_ns"]))

    @cached_property
    def loss(self) -> dict[str, Loss]:
        lost = self.cells["lost"].sum(axis=(0, 1))
        found = {
            reason: Loss(LossUnit(unit), int(lost[index]))
            for index, (reason, unit) in enumerate(LOSS_REASONS)
            if self.measures(LossUnit(unit))
        }
        for reason, unit in _RECURSION_UNITS.items():
            if self.measures(unit):
                # A program also runs, and so can be skipped, for locks that are not ours.
                skipped = self.counters.recursion.get(reason, 0)
                found[reason] = Loss(unit, skipped, upper_bound=True)
        return found

    def entered(self) -> PerUnit:
        if self.context.wanted is None:
            # Counted before any map is looked up, so it checks what was attributed after that.
            by_unit = self.counters.cpus["entered"].sum(axis=0)
        else:
            by_unit = self.cells["entered"].sum(axis=(0, 1))
        return PerUnit(int(by_unit[ACQUISITION]) if self.full else None, int(by_unit[WAIT]))

    def in_flight(self, rows: tuple[Row, ...]) -> PerUnit:
        waiting, held = self.counters.waiting, self.counters.held
        if waiting is None:
            return self._unfinished(rows)
        waits = int(self.of_wanted(waiting["slot"]).sum())
        if not self.full or held is None:
            return PerUnit(None, waits)
        ours = held[self.of_wanted(held["slot"])]
        # A contended wait is counted with its acquisition, at the release.
        waits += int(((ours["flags"] & HELD_CONTENDED) != 0).sum())
        return PerUnit(len(ours), waits)

    def _unfinished(self, rows: tuple[Row, ...]) -> PerUnit:
        """While the session runs: whatever entered and has not been counted elsewhere."""
        entered, totals, loss = self.entered(), self.totals(rows), self.loss
        lost = dict.fromkeys(LossUnit, 0)
        for one in loss.values():
            lost[one.unit] += 0 if one.upper_bound else one.count
        waits = entered.waits - totals.contended - totals.interrupted - lost[LossUnit.WAITS]
        if entered.acquisitions is None:
            return PerUnit(None, waits)
        finished = (totals.acquisitions or 0) + (totals.failed_trylocks or 0)
        acquisitions = entered.acquisitions - finished - lost[LossUnit.ACQUISITIONS]
        return PerUnit(acquisitions, waits)

    def boundary(self) -> int:
        """Of all files: what ended without having been remembered was looked up in no slot."""
        unit = ACQUISITION if self.full else WAIT
        ended = int(self.counters.cpus["boundary"][:, unit].sum())
        # What was lost at its entry ends without having been remembered too.
        forgotten = _REASONS.index("state_full" if self.full else "wait_state_full")
        return max(0, ended - int(self.counters.cells["lost"][..., forgotten].sum()))

    def totals(self, rows: tuple[Row, ...]) -> Totals:
        return Totals(
            acquisitions=sum(row.acquisitions or 0 for row in rows) if self.full else None,
            failed_trylocks=int(self.cells["failed_trylocks"].sum()) if self.full else None,
            contended=sum(row.contended for row in rows),
            interrupted=sum(row.interrupted for row in rows),
            wait_ns=sum(row.wait_ns for row in rows),
            execs=int(self.counters.cpus["execs"].sum()),
            forks=int(self.counters.cpus["forks"].sum()),
        )

    def stacks(self) -> tuple[StackWeight, ...]:
        wanted = set(self.slots)
        return tuple(
            StackWeight(frames, waits, wait_ns)
            for slot, frames, waits, wait_ns in self.counters.stacks
            if slot in wanted
        )

    def notes(self) -> tuple[str, ...]:
        notes = []
        beyond = int(self.counters.cells[:, NO_FILE]["entered"].sum())
        if beyond and self.context.wanted is not None:
            notes.append(
                f"{beyond:,} events were of files beyond the file slots, which have no name: "
                "some may have been asked for; give more slots with --max-files"
            )
        if self.counters.locks_full:
            notes.append(
                "the table of trees' locks is full: uncontended walks of some files are not counted"
            )
        return tuple(notes)
