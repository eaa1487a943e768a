# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies: any file name the kernel allows, any rows, any snapshot of them."""

from __future__ import annotations

import os
from dataclasses import replace

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


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row as full mode has it: waits, if any, agree with their sum, maximum and histogram."""
    waits = draw(st.lists(st.integers(0, 10**12), max_size=4))
    spins = draw(st.none() | st.integers(0, sum(waits)))
    return Row(
        inode=draw(st.none() | inodes),
        shard=draw(st.none() | st.integers(0, 2)),
        node=draw(st.none() | st.integers(0, 11)),
        holder_kind=draw(st.none() | st.sampled_from(list(HolderKind))),
        holder_node=draw(st.none() | st.integers(0, 2)),
        operation=draw(st.none() | st.sampled_from(list(Operation))),
        cause=draw(st.none() | st.sampled_from(list(Cause))),
        acquisitions=draw(st.none() | st.integers(0, 10**9)),
        contended=len(waits),
        interrupted=draw(st.integers(0, 3)),
        wait_ns=sum(waits),
        spin_ns=spins if waits else None,
        wait_max_ns=max(waits, default=0),
        hold_ns=draw(st.none() | st.integers(0, 10**12)),
        wait_buckets=buckets_of(waits) if waits else None,
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A lawful session, of one or of several shards a file, in either mode."""
    shards = draw(st.sampled_from([1, 12]))
    return snapshot_of(
        draw(st.lists(rows(), max_size=12)),
        kernel=replace(KERNEL, shards=shards, layout="single" if shards == 1 else "split"),
        mode=draw(st.sampled_from(Mode)),
        execs=draw(st.integers(0, 1000)),
        in_flight=draw(st.integers(0, 5)),
    )
