# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel memory that a session's maps take, computed as the kernel allocates them.

From kernel/bpf/arraymap.c, hashtab.c and stackmap.c of 6.12: everything is allocated when a map is
made. Programs come to some 0.3 MB more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from immapscope.kernel.model import KernelModel
from immapscope.snapshot import Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing.request import Request
from immapscope.tracing.sizes import Sizes

_PAGE: Final = 4096
#: sizeof(struct htab_elem), struct bucket, struct stack_map_bucket.
_HASH_ELEMENT: Final = 48
_BUCKET: Final = 16
_STACK: Final = 16
#: DEPTH of probes/stack.c; bytes of a frame, and of struct frames.
_DEPTH: Final = 127
_FRAME: Final = 8
_FRAMES: Final = 129 * _FRAME
#: Of structs that only programs use.
_ROW_KEY: Final = 16
_FILE_KEY: Final = 24
_LOCK: Final = 16
_HELD_KEY: Final = 16
_FILTER_WORDS: Final = 4096
#: struct refused of probes/ring.c.
_REFUSED: Final = 64

#: What the largest machine of the thread has: UnixBench's execl on 12 nodes and 384 CPUs.
LARGE: Final = (384, 12)


def kernel_bytes(model: KernelModel, request: Request, sizes: Sizes) -> int:
    """Of all maps together."""
    return sum(_maps(model, request, sizes))


def _maps(model: KernelModel, request: Request, sizes: Sizes) -> Iterator[int]:
    number = layouts.NUMBER.itemsize
    yield _array(layouts.CONTROL.itemsize, 1)
    yield _array(layouts.CPU_COUNTS.itemsize, sizes.cpus)
    yield _array(number, sizes.cpus)
    yield _array(layouts.FILE.itemsize, sizes.files)
    yield _array(number, sizes.files)
    yield _array(layouts.CELL.itemsize, sizes.files * sizes.nodes)
    yield _array(layouts.ROW.itemsize, sizes.rows)
    yield _array(number, sizes.rows)
    yield _array(layouts.FUNCTION.itemsize, sizes.functions)
    yield _array(layouts.GRANULES.itemsize, sizes.text_elements)
    yield _array(number, sizes.stacks)
    yield sizes.stacks * (_STACK + _DEPTH * _FRAME + 8)
    yield sizes.cpus * _FRAMES
    yield _hash(_FILE_KEY, 4, sizes.files, sizes.cpus)
    yield _hash(_ROW_KEY, 4, sizes.rows, sizes.cpus)
    yield _hash(4, layouts.WAIT.itemsize, sizes.waiting, sizes.cpus)
    if request.mode is Mode.FULL:
        yield _array(layouts.PLACE.itemsize, sizes.held)
        yield _hash(_HELD_KEY, layouts.HELD.itemsize, sizes.held, sizes.cpus)
        yield _array(8, 1)
        yield _hash(4, 8, sizes.held, sizes.cpus)
        yield _array(8, 1)
    elif model.has_tree_locks:
        yield _hash(4, _LOCK, sizes.waiting, sizes.cpus)
    if request.folded:
        weight = layouts.STACK_WEIGHT.itemsize
        yield _hash(layouts.STACK_KEY.itemsize, weight, sizes.stacks, sizes.cpus)
    if request.recorded:
        yield sizes.ring
        yield _array(_REFUSED, sizes.files)
    if model.has_tree_locks:
        yield _hash(8, _LOCK, sizes.locks, sizes.cpus)
        yield _array(8, _FILTER_WORDS)


def _array(value: int, count: int) -> int:
    """Whole pages, as what can be mapped has them."""
    return -(-_up(value) * count // _PAGE) * _PAGE


def _hash(key: int, value: int, count: int, cpus: int) -> int:
    """Each CPU may hold one element more, and buckets are a power of two."""
    elements = (count + cpus) * (_HASH_ELEMENT + _up(key) + _up(value))
    return elements + (1 << (count - 1).bit_length()) * _BUCKET


def _up(size: int) -> int:
    return -(-size // 8) * 8
