# SPDX-License-Identifier: GPL-2.0-or-later
"""An unknown layout is learnt before a session: the agent maps files of its own and is watched.

In a module of its own that sees only this process and is gone before anything is counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, Final

import numpy as np

from immapscope.errors import CannotTraceError
from immapscope.kernel.functions import Side
from immapscope.kernel.learning import (
    AROUND,
    Held,
    Learner,
    NotLearntError,
    Observation,
    Watchable,
)
from immapscope.kernel.model import KernelModel
from immapscope.tracing.counters import CONTROL, Structs, map_array
from immapscope.tracing.loader import Module
from immapscope.tracing.machine import Machine
from immapscope.tracing.mapping import OwnFile, teaching
from immapscope.tracing.programs import watching_programs
from immapscope.tracing.request import Attach
from immapscope.tracing.source import watching_text, words

#: Mappings at once of one file, so that trees of which the emptiest is taken are all seen.
_AT_ONCE: Final = 128

_MOST_HELD: Final = 8
_POINTEE_WORDS: Final = 512
_SIDES: Final = (Side.READ, Side.WRITE)
#: enum tree_operation of probes/watch.c.
_REMOVE: Final = 2


def observed_struct(watchable: Watchable) -> np.dtype[np.void]:
    """struct observed of probes/watch.c."""
    mapping = words(watchable.mapping_bytes)
    return np.dtype(
        [
            ("number", "u8"), ("change", "u8"), ("vma", "u8"), ("mapping", "u8"), ("root", "u8"),
            ("sem", "u8", _MOST_HELD), ("side", "u8", _MOST_HELD),
            ("around", "u8", (_MOST_HELD, 2 * AROUND // 8)),
            ("vma_words", "u8", words(watchable.vma_bytes)),
            ("mapping_words", "u8", mapping),
            ("pointees", "u8", (mapping, _POINTEE_WORDS)),
        ]
    )  # fmt: skip


def observation(seen: np.void, has_root: bool) -> Observation:
    """What the probe wrote, as it is learnt from."""
    held = (
        Held(int(sem), _SIDES[int(side)], around.copy())
        for sem, side, around in zip(seen["sem"], seen["side"], seen["around"], strict=True)
        if sem
    )
    return Observation(
        removes=int(seen["change"]) == _REMOVE,
        vma=int(seen["vma"]),
        mapping=int(seen["mapping"]),
        root=int(seen["root"]) if has_root else None,
        mapping_words=seen["mapping_words"].copy(),
        vma_memory=seen["vma_words"].tobytes(),
        pointees=seen["pointees"].copy(),
        held=tuple(held),
    )


def learnt(model: KernelModel, machine: Machine, attach: Attach) -> KernelModel:
    """The model of a kernel whose layout was unknown. Raises CannotTraceError, saying why not."""
    if model.watchable is None:
        return model
    chosen = watching_programs(model, attach)
    has_root = any(tree.root_argument is not None for tree in model.tree)
    learner = Learner(model.watchable)
    with Module(watching_text(model, machine.cpus, chosen)) as module:
        control = map_array(module.map_fd("control"), CONTROL, 1)
        observed = map_array(module.map_fd("observed"), observed_struct(model.watchable), 1)
        module.attach(chosen)
        try:
            for seen in _operations(control, observed, machine):
                learner.see(observation(seen, has_root))
        except OSError as error:
            raise CannotTraceError(f"cannot map a file to learn the layout by: {error}") from error
    try:
        shape = learner.shape()
    except NotLearntError as error:
        raise CannotTraceError(
            f"the layout of i_mmap is unknown here ({model.watchable.seen}) and could not be "
            f"learnt by watching: {error}; report it with this kernel's release"
        ) from error
    return model.learnt(shape, learner.observations)


def _operations(control: Structs, observed: Structs, machine: Machine) -> Iterator[Any]:
    """Each tree operation of mappings from every CPU, and of many at once."""
    before = os.sched_getaffinity(0)
    seen = 0
    try:
        with closing(OwnFile()) as first, closing(OwnFile()) as second:
            for step in _steps((first, second), machine):
                with teaching(control):
                    step()
                number = int(observed[0]["number"])
                # Another thread of this process may map something too: what is not clear is left.
                if number == seen + 1:
                    yield observed[0]
                seen = number
    finally:
        os.sched_setaffinity(0, before)


def _steps(files: tuple[OwnFile, ...], machine: Machine) -> Iterator[Callable[[], None]]:
    for cpu in sorted(machine.online_cpus):
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError:
            continue
        for file in files:
            yield from (file.map, file.unmap)
    for step in (OwnFile.map, OwnFile.unmap):
        for file in files:
            yield from [partial(step, file)] * (_AT_ONCE // len(files))
