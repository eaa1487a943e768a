# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel model says what to read and where to attach, and names what a kernel lacks."""

from dataclasses import replace

import pytest

from immapscope.kernel.btf import Btf
from immapscope.kernel.functions import Action, LockFunction, Side, SlowPath, TreeFunction
from immapscope.kernel.layouts import Layout, LayoutShape
from immapscope.kernel.model import KernelModel
from immapscope.kernel.rawbtf import Writer
from immapscope.kernel.symbols import Symbols
from immapscope.kernel.words import Operation
from tests.kernel.saved import SavedKernel

COMMON = {
    "OFF_INODE_I_DATA",
    "OFF_INODE_I_SB",
    "OFF_INODE_I_INO",
    "SIZE_INODE_I_INO",
    "OFF_INODE_I_NLINK",
    "OFF_INODE_I_GENERATION",
    "OFF_INODE_I_DENTRY",
    "OFF_SB_S_DEV",
    "OFF_MAPPING_HOST",
    "OFF_RWSEM_COUNT",
    "OFF_RWSEM_OWNER",
    "OFF_VMA_VM_FILE",
    "OFF_FILE_F_MAPPING",
    "OFF_FILE_F_DENTRY",
    "OFF_DENTRY_D_NAME",
    "OFF_DENTRY_D_PARENT",
    "OFF_DENTRY_D_ALIAS",
    "OFF_DENTRY_D_INODE",
    "OFF_TASK_CPU",
    "OFF_TASK_PID",
}
#: What the probes ask of every kernel beside offsets; an offset that is not there is never used.
SHAPES_OF_ONE_TREE = {
    "MAPPING_LOCK": 1,
    "MAPPING_SHARD": 0,
    "ONE_TREE": 1,
    "TREE_LOCKS": 0,
    "SHARD_IS_STORED": 0,
    "TREES_CAN_PROVE": 0,
    "OFF_VMA_TREE_IDX": 0,
    "SIZE_VMA_TREE_IDX": 4,
    "OFF_VMA_RB": 0,
}
PLAIN_LOCKS = (
    LockFunction("down_write", Action.ACQUIRE, Side.WRITE, 0, 1),
    LockFunction("down_read", Action.ACQUIRE, Side.READ, 0, 1),
    LockFunction("down_write_trylock", Action.TRY, Side.WRITE, 0, 1),
    LockFunction("down_read_trylock", Action.TRY, Side.READ, 0, 1),
    LockFunction("up_write", Action.RELEASE, Side.WRITE, 0, 1),
    LockFunction("up_read", Action.RELEASE, Side.READ, 0, 1),
)


def missing_names(model: KernelModel) -> list[str]:
    return [missing.name for missing in model.missing]


def test_a_stock_kernel_lacks_nothing(stock: SavedKernel) -> None:
    assert stock.model.missing == ()
    assert stock.model.layout is Layout.SINGLE
    assert stock.model.shards == 1
    assert stock.model.trees is None


def test_a_stock_kernel_gives_every_macro(stock: SavedKernel) -> None:
    assert stock.model.offsets.keys() == COMMON | {
        "OFF_MAPPING_I_MMAP",
        "OFF_MAPPING_I_MMAP_RWSEM",
    }
    # i_sb, i_mapping, i_security, i_ino and i_nlink (include/linux/fs.h) lie in a row.
    identity = {"OFF_INODE_IDENTITY": 40, "SIZE_INODE_IDENTITY": 36}
    assert stock.model.macros() == {**SHAPES_OF_ONE_TREE, **identity, **stock.model.offsets}


def test_an_identity_reaches_from_its_first_member_to_the_end_of_its_last(
    stock: SavedKernel,
) -> None:
    scattered = {"OFF_INODE_I_NLINK": 8, "OFF_INODE_I_SB": 512, "OFF_INODE_I_INO": 300}
    model = replace(stock.model, offsets={**stock.model.offsets, **scattered})
    macros = model.macros()
    assert macros["OFF_INODE_IDENTITY"] == 8
    assert macros["SIZE_INODE_IDENTITY"] == 512 + 8 - 8


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stock-6.1", {"OFF_MAPPING_I_MMAP_RWSEM": 88, "OFF_VMA_VM_FILE": 112}),
        ("stock-6.12", {"OFF_MAPPING_I_MMAP_RWSEM": 144, "OFF_VMA_VM_FILE": 128}),
        (
            "stock-7.x",
            {
                "OFF_INODE_I_DATA": 360,
                "OFF_INODE_I_INO": 64,
                "OFF_MAPPING_I_MMAP_RWSEM": 120,
                "OFF_VMA_VM_FILE": 88,
                "OFF_FILE_F_MAPPING": 16,
            },
        ),
    ],
)
def test_offsets_are_those_of_the_kernel(name: str, expected: dict[str, int]) -> None:
    assert expected.items() <= SavedKernel(name).model.macros().items()


def test_a_stock_kernel_is_attached_to_at_its_plain_lock_functions(stock: SavedKernel) -> None:
    assert stock.model.locks == PLAIN_LOCKS
    assert not stock.model.lock_debugging
    assert not stock.model.debug_rwsems


def test_both_slow_paths_take_the_rwsem_first(stock: SavedKernel) -> None:
    assert stock.model.slow_paths == (
        SlowPath("rwsem_down_write_slowpath", Side.WRITE, 0, 2),
        SlowPath("rwsem_down_read_slowpath", Side.READ, 0, 3),
    )
    assert stock.model.has_contention_begin


@pytest.mark.parametrize("name", ["stock-6.1", "stock-6.12"])
def test_the_older_tree_functions_are_given_a_root(name: str) -> None:
    assert SavedKernel(name).model.tree == (
        TreeFunction("vma_interval_tree_insert", Operation.INSERT, 0, None, 1),
        TreeFunction("vma_interval_tree_insert_after", Operation.INSERT_AFTER, 0, None, 2, 1),
        TreeFunction("vma_interval_tree_remove", Operation.REMOVE, 0, None, 1),
    )


def test_the_newer_tree_functions_are_given_a_mapping() -> None:
    assert SavedKernel("stock-7.x").model.tree == (
        TreeFunction("mapping_rmap_tree_insert", Operation.INSERT, 0, 1, None),
        TreeFunction("mapping_rmap_tree_insert_after", Operation.INSERT_AFTER, 0, 2, None, 1),
        TreeFunction("mapping_rmap_tree_remove", Operation.REMOVE, 0, 1, None),
    )


def test_lock_debugging_adds_the_functions_that_were_macros() -> None:
    model = SavedKernel("lock-debugging").model
    assert model.lock_debugging
    assert model.debug_rwsems
    assert model.locks == (
        *PLAIN_LOCKS,
        LockFunction("down_write_nested", Action.ACQUIRE, Side.WRITE, 0, 2),
        LockFunction("_down_write_nest_lock", Action.ACQUIRE, Side.WRITE, 0, 2),
        LockFunction("down_read_nested", Action.ACQUIRE, Side.READ, 0, 2),
    )


@pytest.mark.parametrize("name", ["tree-only", "split", "inverted"])
def test_a_layout_adds_the_offsets_of_its_trees(name: str) -> None:
    model = SavedKernel(name).model
    assert model.missing == ()
    assert COMMON | {"OFF_MAPPING_I_MMAP", "OFF_TREE_ROOT"} <= model.macros().keys()
    assert model.trees is not None


def test_preempt_rt_is_refused_by_name_alone() -> None:
    assert missing_names(SavedKernel("preempt-rt").model) == ["PREEMPT_RT"]


def test_an_unknown_layout_says_what_it_saw() -> None:
    model = SavedKernel("unknown").model
    assert model.layout is Layout.UNKNOWN
    assert model.shards is None
    assert model.watchable is not None
    assert model.watchable.seen == (
        "i_mmap is struct i_mmap_tree[4]; i_mmap_rwsem is struct rw_semaphore"
    )


def test_what_was_learnt_of_a_layout_is_as_good_as_what_is_known_of_it() -> None:
    known = SavedKernel("split").model
    unknown = SavedKernel("split", known_layouts=False).model
    assert unknown.missing == ()
    assert unknown.watchable is not None
    # vm_area_struct.tree_idx is among what a tree's number is looked for in.
    assert unknown.watchable.numbers[known.offsets["OFF_VMA_TREE_IDX"]] == 4
    assert known.trees is not None
    shape = LayoutShape(Layout.SPLIT, 4, known.offsets, replace(known.trees, count=4))
    learnt = unknown.learnt(shape, 96)
    assert (learnt.layout, learnt.shards, learnt.learnt_from) == (Layout.SPLIT, 4, 96)
    assert learnt.watchable is None
    # The number of trees is that of those seen, not the kernel's own variable.
    ours = learnt.macros()
    assert (ours.pop("MOST_SHARDS"), ours.pop("SHARD_COUNT_ADDRESS")) == (4, 0)
    assert ours.pop("SHARDS_ARE_KNOWN") == 1
    assert ours.items() <= known.macros().items()


def test_functions_that_are_not_there_are_named() -> None:
    assert missing_names(SavedKernel("unknown").model) == [
        "rwsem_down_write_slowpath",
        "rwsem_down_read_slowpath",
    ]


def test_functions_that_take_something_else_are_not_guessed_at() -> None:
    model = SavedKernel("strange").model
    assert missing_names(model) == ["up_read", "vma_interval_tree_insert"]
    assert model.missing[0].why == "takes no struct rw_semaphore *"
    assert model.missing[1].why.endswith("which VMA is meant is not clear")


def test_a_function_needs_btf_as_well_as_a_symbol() -> None:
    older, newer = SavedKernel("stock-6.12"), SavedKernel("stock-7.x")
    model = KernelModel.from_kernel(older.btf, newer.symbols, "mixed up")
    assert missing_names(model) == [
        "mapping_rmap_tree_insert",
        "mapping_rmap_tree_insert_after",
        "mapping_rmap_tree_remove",
    ]
    assert model.tree == ()
    assert "without BTF" in model.missing[0].why


def test_hidden_addresses_are_named() -> None:
    stock = SavedKernel("stock-6.12")
    lines = (stock.folder / "symbols").read_bytes().splitlines()
    hidden = Symbols(b"\n".join(b"0" * 16 + line[16:] for line in lines))
    model = KernelModel.from_kernel(stock.btf, hidden, stock.release)
    assert missing_names(model) == ["addresses of kernel symbols"]
    assert "CAP_SYSLOG" in model.missing[0].advice


def test_a_kernel_that_has_none_of_it_names_it_all_and_raises_nothing() -> None:
    symbols = Symbols(b"ffffffff81000000 T _text\n")
    model = KernelModel.from_kernel(Btf(Writer().data(), "nothing"), symbols, "nothing")
    assert model.offsets == {}
    assert model.layout is Layout.UNKNOWN
    assert {"inode.i_data", "layout of i_mmap", "down_write", "mapping_rmap_tree_insert"} < set(
        missing_names(model)
    )
    assert all(missing.why and missing.advice for missing in model.missing)


def test_the_release_is_only_shown(stock: SavedKernel) -> None:
    renamed = KernelModel.from_kernel(stock.btf, stock.symbols, "99.9-strange")
    assert renamed.release == "99.9-strange"
    assert renamed.macros() == stock.model.macros()
