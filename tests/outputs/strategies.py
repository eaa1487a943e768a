# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies: any file name the kernel allows, any rows, any snapshot of them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from immapscope.grouping import Key
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import HolderKind, Inode, Mode, Row, Snapshot
from tests.synthetic import KERNEL, buckets_of, snapshot_of

name_bytes = st.one_of(
    st.binary(min_size=1, max_size=255),
    st.text(min_size=1, max_size=60).map(lambda text: text.encode("utf-8", "replace")),
).map(lambda name: name.translate(None, b"\0/") or b"x")

names = name_bytes.map(os.fsdecode)

key_lists = st.lists(st.sampled_from(list(Key)), min_size=1, unique=True).map(tuple)

inodes = st.builds(
    Inode,
    device=st.sampled_from(["254:0", "0:41"]),
    number=st.integers(1, 4),
    generation=st.integers(0, 1),
    name=st.none() | names,
    path=st.none() | names.map("/srv/".__add__),
    deleted=st.booleans(),
)


# Each made once: a strategy that is made while drawing is looked into anew for each example, which
# took longer than the drawing.
_LONGEST = 10**12
_waits = st.lists(st.integers(0, _LONGEST), max_size=4)
_facts = st.fixed_dictionaries(
    {
        "inode": st.none() | inodes,
        "shard": st.none() | st.integers(0, 2),
        "node": st.none() | st.integers(0, 11),
        "holder_kind": st.none() | st.sampled_from(list(HolderKind)),
        "holder_node": st.none() | st.integers(0, 2),
        "operation": st.none() | st.sampled_from(list(Operation)),
        "cause": st.none() | st.sampled_from(list(Cause)),
        "acquisitions": st.none() | st.integers(0, 10**9),
        "interrupted": st.integers(0, 3),
        "hold_ns": st.none() | st.integers(0, _LONGEST),
    }
)


def _row(waits: list[int], spin_ns: int | None, facts: dict[str, Any]) -> Row:
    return Row(
        **facts,
        contended=len(waits),
        wait_ns=sum(waits),
        # No more than was waited.
        spin_ns=spin_ns % (sum(waits) + 1) if waits and spin_ns is not None else None,
        wait_max_ns=max(waits, default=0),
        wait_buckets=buckets_of(waits) if waits else None,
    )


#: Rows as full mode has them: waits, if any, agree with their sum, maximum and histogram.
rows = st.builds(_row, _waits, st.none() | st.integers(0, 4 * _LONGEST), _facts)


def _snapshot(rows: list[Row], shards: int, mode: Mode, execs: int, in_flight: int) -> Snapshot:
    return snapshot_of(
        rows,
        kernel=replace(KERNEL, shards=shards, layout="single" if shards == 1 else "split"),
        mode=mode,
        execs=execs,
        in_flight=in_flight,
    )


#: Lawful sessions, of one or of several shards a file, in either mode.
snapshots = st.builds(
    _snapshot,
    st.lists(rows, max_size=12),
    st.sampled_from([1, 12]),
    st.sampled_from(Mode),
    st.integers(0, 1000),
    st.integers(0, 5),
)
