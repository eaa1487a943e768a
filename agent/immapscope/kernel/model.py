# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel is to us: its layout, offsets and functions, and by name whatever it lacks.

Everything follows from shapes in BTF and from the names of symbols; `release` is only ever shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from immapscope.kernel import functions, layouts, offsets
from immapscope.kernel.btf import Btf, MissingMemberError
from immapscope.kernel.functions import LockFunction, MissingFunctionError, SlowPath, TreeFunction
from immapscope.kernel.layouts import Layout, LayoutShape
from immapscope.kernel.layouts.shape import SHARD_COUNTS, TreeArray
from immapscope.kernel.learning import Watchable
from immapscope.kernel.symbols import Symbols

T = TypeVar("T")

#: Trees of one file that are told apart: more than the lab's designs have at 384 CPUs.
MAX_SHARDS = 512


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that tracing needs and this kernel lacks: its name, why, and what to do."""

    name: str
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class KernelModel:
    """A kernel, as far as tracing its i_mmap locks needs to know it.

    `shards`: trees of one file, None where only the running kernel knows; `shard_count` is the
    address of the variable that says it, None where there is none. `offsets`: bytes, by the names
    under which the probes are compiled. `trees`: how several trees are laid out, None for one.
    `has_destroy_inode`: the end of an inode can be seen. `lock_debugging`: rwsems carry a lockdep
    map (CONFIG_DEBUG_LOCK_ALLOC). `debug_rwsems`: they carry a magic number (CONFIG_DEBUG_RWSEMS).
    `missing` is empty if all is there. `watchable`: what an unknown layout can be learnt by, None
    where it is known; `learnt_from`: the tree operations that it was learnt from, else None.
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
    has_destroy_inode: bool
    shard_count: int | None
    debug_rwsems: bool
    lock_debugging: bool
    missing: tuple[Missing, ...]
    watchable: Watchable | None = None
    learnt_from: int | None = None

    def learnt(self, shape: LayoutShape, observations: int) -> "KernelModel":
        """The same kernel, its layout learnt from so many tree operations."""
        return replace(
            self,
            layout=shape.layout,
            shards=shape.shards,
            offsets={**self.offsets, **shape.offsets},
            trees=shape.trees,
            watchable=None,
            learnt_from=observations,
        )

    @property
    def has_tree_locks(self) -> bool:
        """Whether each tree has a lock, which is learnt: it has no way back to its file."""
        return "OFF_TREE_RWSEM" in self.offsets

    def macros(self) -> dict[str, int]:
        """The macros that the probes are compiled with: offsets and sizes in bytes, and shapes."""
        trees = self.trees
        return {
            "OFF_MAPPING_I_MMAP_RWSEM": 0,
            "MAPPING_LOCK": int("OFF_MAPPING_I_MMAP_RWSEM" in self.offsets),
            # In a file of several trees its one lock is of no tree in particular.
            "MAPPING_SHARD": _NO_SHARD if trees else 0,
            "ONE_TREE": int(trees is None),
            "TREE_LOCKS": int(self.has_tree_locks),
            **(_tree_macros(trees, self.shard_count) if trees else {}),
            "SHARD_IS_STORED": int("OFF_VMA_TREE_IDX" in self.offsets),
            "TREES_CAN_PROVE": int("OFF_VMA_RB" in self.offsets),
            "OFF_VMA_TREE_IDX": 0,
            "SIZE_VMA_TREE_IDX": 4,
            "OFF_VMA_RB": 0,
            **_identity_macros(self.offsets),
            **self.offsets,
        }

    @classmethod
    def from_kernel(
        cls, btf: Btf, symbols: Symbols, release: str, known_layouts: bool = True
    ) -> "KernelModel":
        """Builds the model. What is not there is in `missing`; nothing is raised for it.

        Without `known_layouts` every layout is an unknown one.
        """
        missing: list[Missing] = []
        values, lost_members = offsets.read(btf)
        missing += (_member(error) for error in lost_members)
        shape = layouts.detect(btf) if known_layouts else None
        watchable = None
        if shape is not None:
            values |= shape.offsets
        else:
            try:
                watchable = Watchable.from_btf(btf)
            except MissingMemberError as error:
                missing.append(Missing("layout of i_mmap", str(error), _REPORT))
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
            has_destroy_inode=functions.has_destroy_inode(look_up),
            shard_count=_shard_count(symbols) if shape and shape.trees else None,
            debug_rwsems="magic" in rwsem,
            lock_debugging="dep_map" in rwsem,
            missing=tuple(missing),
            watchable=watchable,
        )


#: NO_SHARD of probes/mapping.c.
_NO_SHARD = (1 << 64) - 1


def _identity_macros(offsets: Mapping[str, int]) -> dict[str, int]:
    """Where what names an inode begins, and its length; in struct inode it lies close together."""
    sizes = {"I_SB": 8, "I_INO": offsets.get("SIZE_INODE_I_INO", 8), "I_NLINK": 4}
    places = {offsets.get(f"OFF_INODE_{name}", 0): size for name, size in sizes.items()}
    first = min(places)
    return {
        "OFF_INODE_IDENTITY": first,
        "SIZE_INODE_IDENTITY": max(at + size for at, size in places.items()) - first,
    }


def _tree_macros(trees: TreeArray, shard_count: int | None) -> dict[str, int]:
    return {
        "TREES_INSIDE": int(trees.inside),
        "TREES_ARE_POINTERS": int(trees.pointers),
        "TREE_STRIDE": trees.stride,
        "MOST_SHARDS": min(trees.count or MAX_SHARDS, MAX_SHARDS),
        "SHARD_COUNT_ADDRESS": shard_count or 0,
        "SHARDS_ARE_KNOWN": int(bool(shard_count or trees.count)),
    }


def _shard_count(symbols: Symbols) -> int | None:
    found = (symbols.variable(name) for name in SHARD_COUNTS)
    return next((address for address in found if address), None)


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
