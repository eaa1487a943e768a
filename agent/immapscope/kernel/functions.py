# SPDX-License-Identifier: GPL-2.0-or-later
"""The functions to attach to, and where each of their arguments stands.

Every caller of the i_mmap locks goes through include/linux/fs.h's i_mmap_lock_* helpers or through
mm_take_all_locks(): down_write, down_read, their trylocks, up_write, up_read and
down_write_nest_lock. None uses a _killable or _interruptible variant or downgrade_write (read in
6.1, 6.12 and 7.3), so those, which mmap_lock does use, are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from immapscope.kernel.btf import Btf, FunctionShape
from immapscope.kernel.symbols import Symbols
from immapscope.kernel.words import Operation

RWSEM_POINTER = "struct rw_semaphore *"
VMA_POINTER = "struct vm_area_struct *"
MAPPING_POINTER = "struct address_space *"
ROOT_POINTER = "struct rb_root_cached *"


class Action(StrEnum):
    """What a lock function does. `TRY` may fail; `ACQUIRE`, once it returns, has the lock."""

    ACQUIRE = "acquire"
    TRY = "try"
    RELEASE = "release"


class Side(StrEnum):
    """Which side of the rwsem."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class LockFunction:
    """A function that takes or leaves a rwsem.

    `argument` is the 0-based position of the rwsem, `arguments` how many there are: fexit programs
    find the return value behind the last.
    """

    name: str
    action: Action
    side: Side
    argument: int
    arguments: int


@dataclass(frozen=True, slots=True)
class SlowPath:
    """A rwsem's slow path; `argument` and `arguments` as in `LockFunction`.

    Both return the rwsem, or an error pointer if a signal ended the wait (kernel/locking/rwsem.c).
    """

    name: str
    side: Side
    argument: int
    arguments: int


@dataclass(frozen=True, slots=True)
class TreeFunction:
    """A function that changes an i_mmap tree.

    Positions are 0-based. `vma_argument` is the VMA that goes in or out. `mapping_argument` and
    `root_argument` are None where the function is not given that. `behind_argument` is the VMA
    that insert_after puts it behind, None for the others.
    """

    name: str
    operation: Operation
    vma_argument: int
    mapping_argument: int | None
    root_argument: int | None
    behind_argument: int | None = None


class MissingFunctionError(Exception):
    """A function that cannot be attached to; `name` is its name."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(why)


_LOCKS = (
    ("down_write", Action.ACQUIRE, Side.WRITE),
    ("down_read", Action.ACQUIRE, Side.READ),
    ("down_write_trylock", Action.TRY, Side.WRITE),
    ("down_read_trylock", Action.TRY, Side.READ),
    ("up_write", Action.RELEASE, Side.WRITE),
    ("up_read", Action.RELEASE, Side.READ),
)

# Functions of their own under CONFIG_DEBUG_LOCK_ALLOC, else macros for the plain ones.
_LOCK_DEBUGGING = (
    ("down_write_nested", Action.ACQUIRE, Side.WRITE),
    ("_down_write_nest_lock", Action.ACQUIRE, Side.WRITE),
    ("down_read_nested", Action.ACQUIRE, Side.READ),
)

_SLOW_PATHS = (
    ("rwsem_down_write_slowpath", Side.WRITE),
    ("rwsem_down_read_slowpath", Side.READ),
)

# insert_after takes two VMAs and calls the one that is already in the tree prev.
_BEHIND = ("prev", VMA_POINTER)

# Newest first: (vma, mapping) in mm/interval_tree.c of 7.3, (node, root) in that of 6.1 and 6.12.
_TREE_FAMILIES = ("mapping_rmap_tree", "vma_interval_tree")
_TREE_OPERATIONS = (Operation.INSERT, Operation.INSERT_AFTER, Operation.REMOVE)


@dataclass(frozen=True, slots=True)
class Functions:
    """Looks functions up in a kernel's BTF (their shape) and symbols (a kprobe needs one)."""

    btf: Btf
    symbols: Symbols

    def lock(self, name: str, action: Action, side: Side) -> LockFunction:
        """Raises MissingFunctionError."""
        return LockFunction(name, action, side, *self._rwsem_argument(name))

    def slow_path(self, name: str, side: Side) -> SlowPath:
        """Raises MissingFunctionError."""
        return SlowPath(name, side, *self._rwsem_argument(name))

    def tree(self, family: str, operation: Operation) -> TreeFunction:
        """Raises MissingFunctionError."""
        name = f"{family}_{operation.label}"
        shape = self._shape(name)
        vmas = [
            i for i, (n, t) in enumerate(shape.params) if t == VMA_POINTER and (n, t) != _BEHIND
        ]
        if len(vmas) != 1:
            raise MissingFunctionError(
                name, f"takes {shape.params}: which VMA is meant is not clear"
            )
        return TreeFunction(
            name,
            operation,
            vmas[0],
            shape.position(MAPPING_POINTER),
            shape.position(ROOT_POINTER),
            next((i for i, (n, t) in enumerate(shape.params) if (n, t) == _BEHIND), None),
        )

    def _rwsem_argument(self, name: str) -> tuple[int, int]:
        """The rwsem's position, and how many arguments there are."""
        shape = self._shape(name)
        position = shape.position(RWSEM_POINTER)
        if position is None:
            raise MissingFunctionError(name, f"takes no {RWSEM_POINTER}")
        return position, len(shape.params)

    def _shape(self, name: str) -> FunctionShape:
        if not self.symbols.has(name):
            raise MissingFunctionError(name, "no function of that name among the kernel's symbols")
        shape = self.btf.function(name)
        if shape is None:
            raise MissingFunctionError(name, "a function without BTF: its arguments are not known")
        return shape


def locks(
    functions: Functions, lock_debugging: bool
) -> Iterator[LockFunction | MissingFunctionError]:
    """The lock functions to attach to, and those that should be there and are not."""
    for name, action, side in _LOCKS + (_LOCK_DEBUGGING if lock_debugging else ()):
        try:
            yield functions.lock(name, action, side)
        except MissingFunctionError as error:
            yield error


def slow_paths(functions: Functions) -> Iterator[SlowPath | MissingFunctionError]:
    """Both slow paths, or what is missing of them."""
    for name, side in _SLOW_PATHS:
        try:
            yield functions.slow_path(name, side)
        except MissingFunctionError as error:
            yield error


def has_destroy_inode(functions: Functions) -> bool:
    """Whether an inode's end can be seen: fs/inode.c exports __destroy_inode(inode)."""
    shape = functions.btf.function("__destroy_inode")
    return bool(
        functions.symbols.has("__destroy_inode")
        and shape
        and [type_ for _, type_ in shape.params] == ["struct inode *"]
    )


def tree_functions(functions: Functions) -> Iterator[TreeFunction | MissingFunctionError]:
    """The three tree operations of the newest family that this kernel has."""
    family = next(
        (one for one in _TREE_FAMILIES if functions.symbols.has(f"{one}_insert")),
        _TREE_FAMILIES[0],
    )
    for operation in _TREE_OPERATIONS:
        try:
            yield functions.tree(family, operation)
        except MissingFunctionError as error:
            yield error
