# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel is to us: its layout, offsets and functions, and by name whatever it lacks.

Everything follows from shapes in BTF and from the names of symbols; `release` is only ever shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from immapscope.kernel import functions, layouts, offsets
from immapscope.kernel.btf import Btf, MissingMemberError
from immapscope.kernel.functions import LockFunction, MissingFunctionError, SlowPath, TreeFunction
from immapscope.kernel.layouts import Layout
from immapscope.kernel.layouts.shape import TreeArray
from immapscope.kernel.symbols import Symbols

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that tracing needs and this kernel lacks: its name, why, and what to do."""

    name: str
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class KernelModel:
    """A kernel, as far as tracing its i_mmap locks needs to know it.

    `shards`: trees of one file, None where only the running kernel knows. `offsets`: bytes, by the
    names under which the probes are compiled. `trees`: how several trees are laid out, None for
    one. `lock_debugging`: rwsems carry a lockdep map (CONFIG_DEBUG_LOCK_ALLOC). `debug_rwsems`:
    they carry a magic number (CONFIG_DEBUG_RWSEMS). `missing` is empty if all is there.
    """

    release: str
    layout: Layout
    shards: int | None
    offsets: Mapping[str, int]
    trees: TreeArray | None
    locks: tuple[LockFunction, ...]
    slow_paths: tuple[SlowPath, ...]
    tree: tuple[TreeFunction, ...]
    has_contention_begin: bool
    debug_rwsems: bool
    lock_debugging: bool
    missing: tuple[Missing, ...]

    def macros(self) -> dict[str, int]:
        """The macros that the probes are compiled with: offsets and sizes in bytes."""
        return dict(self.offsets)

    @classmethod
    def from_kernel(cls, btf: Btf, symbols: Symbols, release: str) -> "KernelModel":
        """Builds the model. What is not there is in `missing`; nothing is raised for it."""
        missing: list[Missing] = []
        values, lost_members = offsets.read(btf)
        missing += (_member(error) for error in lost_members)
        shape = layouts.detect(btf)
        if shape is None:
            missing.append(_unknown_layout(btf))
        else:
            values |= shape.offsets
        rwsem = btf.members("rw_semaphore") if btf.has_struct("rw_semaphore") else {}
        look_up = functions.Functions(btf, symbols)
        locks = _keep(functions.locks(look_up, "dep_map" in rwsem), missing)
        slow_paths = _keep(functions.slow_paths(look_up), missing)
        tree = _keep(functions.tree_functions(look_up), missing)
        if "rwbase" in rwsem:
            missing = [_PREEMPT_RT, *(one for one in missing if not _explained_by_rt(one))]
        if symbols.hidden:
            missing.append(_HIDDEN)
        return cls(
            release=release,
            layout=shape.layout if shape else Layout.UNKNOWN,
            shards=shape.shards if shape else None,
            offsets=values,
            trees=shape.trees if shape else None,
            locks=locks,
            slow_paths=slow_paths,
            tree=tree,
            has_contention_begin=btf.has_typedef("btf_trace_contention_begin"),
            debug_rwsems="magic" in rwsem,
            lock_debugging="dep_map" in rwsem,
            missing=tuple(missing),
        )


_PREEMPT_RT = Missing(
    "PREEMPT_RT",
    "rw_semaphore is built on rwbase: it has no slow path, no count and no owner to look at",
    "boot a kernel without CONFIG_PREEMPT_RT",
)


def _explained_by_rt(missing: Missing) -> bool:
    return missing.name.startswith(("rw_semaphore.", "rwsem_down_"))


_HIDDEN = Missing(
    "addresses of kernel symbols",
    "the kernel lists its symbols with the address 0, so stacks cannot be read",
    "run as root with CAP_SYSLOG, or set kernel.kptr_restrict to 0 or 1",
)

_REPORT = "report it with this kernel's release: the agent does not know this shape yet"


def _keep(found: Iterable[T | MissingFunctionError], missing: list[Missing]) -> tuple[T, ...]:
    kept: list[T] = []
    for one in found:
        if isinstance(one, MissingFunctionError):
            missing.append(Missing(one.name, str(one), _REPORT))
        else:
            kept.append(one)
    return tuple(kept)


def _member(error: MissingMemberError) -> Missing:
    return Missing(error.name, str(error), _REPORT)


def _unknown_layout(btf: Btf) -> Missing:
    parts = []
    for name in ("i_mmap", "i_mmap_rwsem"):
        try:
            parts.append(f"{name} is {btf.member('address_space', name).type}")
        except MissingMemberError as error:
            parts.append(str(error))
    return Missing("layout of i_mmap", "; ".join(parts), _REPORT)
