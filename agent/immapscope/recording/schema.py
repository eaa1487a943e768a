# SPDX-License-Identifier: GPL-2.0-or-later
"""What a recording holds: rows of several kinds in one Parquet file; docs/recording.md tells them.

One schema for all kinds, columns that a kind does not have being null: a row group holds rows of
one kind, so that such columns take no room and a reader fetches the kinds it wants.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import pyarrow as pa

#: Raised when a reader of the last one would misread the next.
VERSION: Final = 1

#: Key of the file's metadata that holds the `Header`, as JSON.
METADATA_KEY: Final = b"immapscope"


class Kind(StrEnum):
    """What a row is about."""

    #: An acquisition, written at its release.
    ACQUISITION = "acquisition"
    #: A wait without an acquisition of ours: one that a signal ended, or whose hold was not seen.
    WAIT = "wait"
    #: A trylock that did not get the lock.
    FAILED_TRYLOCK = "failed_trylock"
    #: A change of a tree: `operation` is insert, insert_after or remove.
    TREE = "tree"
    #: A task made another (`child`), ran another program, or ended.
    FORK = "fork"
    EXEC = "exec"
    EXIT = "exit"
    #: A file or, where a file has several trees, one of its shards: what `slot` stands for.
    FILE = "file"
    #: A kernel stack: what `stack` stands for.
    STACK = "stack"


def _field(name: str, type_: pa.DataType, about: str) -> pa.Field:
    return pa.field(name, type_, metadata={b"about": about.encode()})


_WORD = pa.dictionary(pa.int8(), pa.string())

SCHEMA: Final = pa.schema(
    [
        _field("kind", _WORD, "what the row is about"),
        _field(
            "time_ns",
            pa.int64(),
            "ns since the session opened; of an acquisition or a wait: when it was asked for",
        ),
        _field("task", pa.uint32(), "thread id, as the initial PID namespace calls it"),
        _field("cpu", pa.uint16(), "of the event; of an acquisition: where it was asked for"),
        _field("node", pa.uint16(), "NUMA node of that CPU"),
        _field("slot", pa.uint32(), "the file and shard: that of the `file` row; 0 is no file"),
        _field(
            "acquisition",
            pa.uint64(),
            "its id; of a tree row: the acquisition that it happened in, null if not seen",
        ),
        _field("side", _WORD, "read or write: how the rwsem was taken"),
        _field("operation", _WORD, "insert, insert_after, remove, adjust, walk or other"),
        _field("cause", _WORD, "of a contended wait: exec, fork, ...; null if not known"),
        _field("wait_ns", pa.int64(), "from entering the slow path to having the lock"),
        _field("spin_ns", pa.int64(), "the part of a writer's wait before it queued"),
        _field("hold_ns", pa.int64(), "from having the lock to its release; null if not known"),
        _field("holder_kind", _WORD, "writer, reader or unknown: who had it as the wait began"),
        _field("holder_node", pa.uint16(), "of a writer"),
        _field("interrupted", pa.bool_(), "of a wait: a signal ended it"),
        _field(
            "stack", pa.int32(), "of a contended wait: the id of a `stack` row; below 0 an error"
        ),
        _field("vma", pa.uint64(), "of a tree row: the VMA's address"),
        _field("vma_reuse", pa.uint32(), "how many VMAs before it had that address in a tree"),
        _field("parent_vma", pa.uint64(), "of insert_after: the VMA that it is put behind"),
        _field("parent_reuse", pa.uint32(), "as vma_reuse"),
        _field("child", pa.uint32(), "of a fork: the new thread's id"),
        _field("shard", pa.uint32(), "of a file row: null for the whole mapping of several trees"),
        _field("device", pa.string(), "of a file row: MAJOR:MINOR of its superblock"),
        _field("inode", pa.uint64(), "of a file row: its number"),
        _field("generation", pa.uint32(), "of a file row: of that number"),
        _field("name", pa.binary(), "of a file row: the base name, byte for byte"),
        _field("deleted", pa.bool_(), "of a file row: no link was left when it was last seen"),
        _field("frames", pa.string(), "of a stack row: functions, outermost first, joined by ;"),
    ]
)
