# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that BCC compiles: the probes of a mode, after constants of this kernel and session."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from pathlib import Path

from immapscope.errors import ImmapscopeError
from immapscope.kernel.model import KernelModel
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Mode
from immapscope.tracing.programs import Program
from immapscope.tracing.request import Request
from immapscope.tracing.sizes import Sizes

#: lock:contention_begin's flag for a rwsem's writer (LCB_F_WRITE, include/trace/events/lock.h).
_CONTENTION_WRITE = 4


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
