# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that BCC compiles: the probes of a mode, after the constants of this kernel and session.

Map sizes are chosen here; `immapscope doctor` says what they cost.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from immapscope.errors import ImmapscopeError
from immapscope.kernel.model import KernelModel
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Mode
from immapscope.tracing.programs import Attach, Program

#: OPERATIONS of probes/cell.c: codes of operations are below it.
OPERATIONS = 8
#: A file that every node waits for behind every other has rows by the square of the nodes.
_ROWS_OF_A_NODE = 4096
_FEW_NODES = 4

#: The ring buffer of a recording, a power of two.
RING_BYTES = 32 << 20

#: Locks of trees that are remembered, where trees have locks.
_LOCKS = 65536

#: lock:contention_begin's flag for a rwsem's writer (LCB_F_WRITE, include/trace/events/lock.h).
_CONTENTION_WRITE = 4
#: Bytes of kernel text that one element of the text index describes: four granules of 16 bytes.
TEXT_ELEMENT_BYTES = 64


def rows_for(nodes: int, of_a_node: int) -> int:
    """Rows of a session on a machine of so many nodes; a small one has no fewer than four."""
    return of_a_node * max(nodes, _FEW_NODES)


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure and how.

    `claim_early`: every file that is seen gets a slot, as long as there are slots; else only those
    whose lock somebody waited for. `recorded`: each event crosses on its own as well, with the
    stack of a contended wait, or of every acquisition if `all_stacks`.
    """

    mode: Mode
    attach: Attach = Attach.MIXED
    tree_operations: bool = True
    folded: bool = False
    claim_early: bool = True
    recorded: bool = False
    all_stacks: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each a session has room for; what does not fit is counted, see docs."""

    cpus: int
    nodes: int
    files: int = 4096
    rows: int = 0
    stacks: int = 8192
    waiting: int = 16384
    held: int = 16384
    locks: int = _LOCKS
    functions: int = 1024
    ring: int = RING_BYTES
    text_base: int = 0
    text_bytes: int = 0

    def __post_init__(self) -> None:
        if self.files < 2 or min(self.waiting, self.held) < 1:
            raise ImmapscopeError("map sizes: files need at least 2, states at least 1")
        if not self.rows:
            object.__setattr__(self, "rows", rows_for(self.nodes, _ROWS_OF_A_NODE))
        if self.rows <= self.coarse_rows:
            raise ImmapscopeError(f"map sizes: rows need more than {self.coarse_rows}")

    @property
    def coarse_rows(self) -> int:
        """Rows kept for what finds no other: one for each node and operation."""
        return self.nodes * OPERATIONS

    @property
    def text_elements(self) -> int:
        """Elements of the text index, at least one."""
        return self.text_bytes // TEXT_ELEMENT_BYTES + 1

    def with_text(self, base: int, length: int) -> Sizes:
        """The same sizes for kernel text that starts at `base` and is `length` bytes long."""
        return replace(self, text_base=base, text_bytes=length)


def _files(model: KernelModel, request: Request) -> tuple[str, ...]:
    several, tree_locks = model.trees is not None, model.has_tree_locks
    full = request.mode is Mode.FULL
    return (
        "pool.c",
        "session.c",
        "mapping.c",
        "trees.c" if several else "one_tree.c",
        *(("tree_lock.c", "proof.c") if tree_locks else ("no_tree_lock.c",)),
        "lock.c",
        "identity.c",
        "file.c",
        "cell.c",
        "row.c",
        "stack.c",
        "wait.c",
        "sweep.c",
        "swept_waits.c" if tree_locks and not full else "no_swept_waits.c",
        "fold.c" if request.folded else "no_fold.c",
        *(("held.c", "trying.c", "holds.c") if full else ("no_holds.c",)),
        *(("ring.c", "record.c") if request.recorded else ("no_record.c",)),
        "slowpath.c",
        *(("acquire.c", "release.c") if full else ()),
        "tree.c",
        "machine.c",
    )


def probes_directory() -> Path:
    """Where the probes are: beside the package in a wheel, in probes/ of a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "probes", package.parent.parent / "probes"):
        if (candidate / "session.c").is_file():
            return candidate
    raise ImmapscopeError(f"the BPF probes are missing: no probes/session.c beside {package}")


def macros(model: KernelModel, sizes: Sizes, request: Request) -> dict[str, int]:
    """Every constant that the probes ask for, by name."""
    return {
        **model.macros(),
        "CPUS": sizes.cpus,
        "FILES": sizes.files,
        "CELLS": sizes.files * sizes.nodes,
        "ROWS": sizes.rows,
        "COARSE_ROWS": sizes.coarse_rows,
        "CLAIM_EARLY": int(request.claim_early),
        "STACKS": sizes.stacks,
        "WAITING": sizes.waiting,
        "HELD": sizes.held,
        "LOCKS": sizes.locks,
        "FUNCTIONS": sizes.functions,
        "RING_PAGES": sizes.ring // mmap.PAGESIZE,
        "STACKS_OF_ALL": int(request.all_stacks),
        "TEXT_ELEMENTS": sizes.text_elements,
        "CONTENTION_WRITE": _CONTENTION_WRITE,
        **{f"OPERATION_{operation.name}": operation.code for operation in Operation},
        "CAUSE_OTHER": Cause.OTHER.code,
    }


def _literal(value: int) -> str:
    return f"0x{value:x}ULL" if value >> 31 else str(value)


def module_text(
    model: KernelModel, sizes: Sizes, chosen: tuple[Program, ...], request: Request
) -> str:
    """One BCC module: constants, the probes of the mode, a function for each program."""
    constants = macros(model, sizes, request) | {"TEXT_BASE": sizes.text_base}
    return _module(constants, _files(model, request), chosen)


def watching_text(model: KernelModel, cpus: int, chosen: tuple[Program, ...]) -> str:
    """The module that an unknown layout is watched by. Raises ImmapscopeError where it is known."""
    if model.watchable is None:
        raise ImmapscopeError(f"layout {model.layout} is known: there is nothing to watch")
    constants = {
        **model.macros(),
        "CPUS": cpus,
        "MAPPING_WORDS": words(model.watchable.mapping_bytes),
        "VMA_WORDS": words(model.watchable.vma_bytes),
    }
    return _module(constants, ("pool.c", "session.c", "mapping.c", "watch.c"), chosen)


def words(size: int) -> int:
    """So many of 8 bytes have room for it."""
    return -(-size // 8)


def _module(constants: Mapping[str, int], files: Iterable[str], chosen: Iterable[Program]) -> str:
    directory = probes_directory()
    defines = [f"#define {name} {_literal(value)}" for name, value in constants.items()]
    parts = [(directory / name).read_text("utf-8") for name in files]
    return "\n".join([*defines, *parts, *(program.text for program in chosen)])
