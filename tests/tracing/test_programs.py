# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs run, and where: nothing on a path that a mode has no business on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from immapscope.kernel.model import KernelModel
from immapscope.snapshot import Mode
from immapscope.tracing.programs import SLEEPING_INSTANCES, Kind, Program, programs
from immapscope.tracing.request import Attach
from tests.kernel.saved import STOCK, SavedKernel

MODELS = {name: SavedKernel(name).model for name in (*STOCK, "lock-debugging")}
SLOW_PATHS = {"rwsem_down_write_slowpath", "rwsem_down_read_slowpath"}
TRYLOCKS = {"down_write_trylock", "down_read_trylock"}
LOCKS = {"down_write", "down_read", "up_write", "up_read"} | TRYLOCKS
TRACEPOINTS = {"contention_begin", "sched_process_exec", "sched_process_fork"}
OLDER_TREE = {
    "vma_interval_tree_insert",
    "vma_interval_tree_insert_after",
    "vma_interval_tree_remove",
}
NEWER_TREE = {
    "mapping_rmap_tree_insert",
    "mapping_rmap_tree_insert_after",
    "mapping_rmap_tree_remove",
}
TREE = {"stock-6.1": OLDER_TREE, "stock-6.12": OLDER_TREE, "stock-7.x": NEWER_TREE}

every_kernel = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
every_mode = pytest.mark.parametrize("mode", Mode)
every_attach = pytest.mark.parametrize("attach", Attach)


def targets(chosen: tuple[Program, ...], kind: Kind) -> set[str]:
    found = [program.target for program in chosen if program.kind is kind]
    assert len(found) == len(set(found))
    return set(found)


def by_kind(model: KernelModel, mode: Mode, attach: Attach) -> dict[Kind, set[str]]:
    chosen = programs(model, mode, attach)
    return {kind: found for kind in Kind if (found := targets(chosen, kind))}


@pytest.mark.parametrize("name", STOCK)
def test_mixed_full_is_kprobes_but_for_the_slow_paths(name: str) -> None:
    assert by_kind(MODELS[name], Mode.FULL, Attach.MIXED) == {
        Kind.KPROBE: LOCKS | TREE[name],
        Kind.KRETPROBE: TRYLOCKS,
        Kind.FENTRY: SLOW_PATHS,
        Kind.FEXIT: SLOW_PATHS,
        Kind.RAW_TRACEPOINT: TRACEPOINTS,
    }


@pytest.mark.parametrize("name", STOCK)
def test_mixed_contention_is_the_slow_paths_and_the_trees(name: str) -> None:
    assert by_kind(MODELS[name], Mode.CONTENTION, Attach.MIXED) == {
        Kind.KPROBE: TREE[name],
        Kind.FENTRY: SLOW_PATHS,
        Kind.FEXIT: SLOW_PATHS,
        Kind.RAW_TRACEPOINT: TRACEPOINTS,
    }


@pytest.mark.parametrize("name", STOCK)
def test_fentry_needs_no_kprobe(name: str) -> None:
    assert by_kind(MODELS[name], Mode.FULL, Attach.FENTRY) == {
        Kind.FENTRY: LOCKS | SLOW_PATHS | TREE[name],
        Kind.FEXIT: TRYLOCKS | SLOW_PATHS,
        Kind.RAW_TRACEPOINT: TRACEPOINTS,
    }


@pytest.mark.parametrize("name", STOCK)
def test_kprobe_needs_no_fentry(name: str) -> None:
    assert by_kind(MODELS[name], Mode.FULL, Attach.KPROBE) == {
        Kind.KPROBE: LOCKS | SLOW_PATHS | TREE[name],
        Kind.KRETPROBE: TRYLOCKS | SLOW_PATHS,
        Kind.RAW_TRACEPOINT: TRACEPOINTS,
    }


def test_lock_debugging_has_its_own_entries_probed_too() -> None:
    found = by_kind(MODELS["lock-debugging"], Mode.FULL, Attach.MIXED)
    assert {"down_write_nested", "_down_write_nest_lock", "down_read_nested"} < found[Kind.KPROBE]


@every_kernel
@every_attach
def test_contention_mode_has_nothing_on_the_uncontended_path(
    model: KernelModel, attach: Attach
) -> None:
    chosen = programs(model, Mode.CONTENTION, attach)
    assert [p.target for p in chosen if p.target.startswith(("down_", "up_", "_down_"))] == []


@every_kernel
@every_mode
def test_mixed_uses_fexit_on_the_slow_paths_alone(model: KernelModel, mode: Mode) -> None:
    # A kernel that preempts skips fexit programs elsewhere.
    assert by_kind(model, mode, Attach.MIXED)[Kind.FEXIT] == SLOW_PATHS


@every_kernel
@every_attach
def test_tree_operations_can_be_left_out_of_contention_mode_only(
    model: KernelModel, attach: Attach
) -> None:
    trees = {tree.name for tree in model.tree}
    without = programs(model, Mode.CONTENTION, attach, tree_operations=False)
    assert not trees & {program.target for program in without}
    assert trees < {p.target for p in programs(model, Mode.FULL, attach, tree_operations=False)}


@every_kernel
def test_returns_that_sleep_are_given_all_the_instances_that_there_are(model: KernelModel) -> None:
    instances = {
        program.target: program.instances
        for program in programs(model, Mode.FULL, Attach.KPROBE)
        if program.kind is Kind.KRETPROBE
    }
    # A trylock does not sleep: the kernel's own number of instances is enough.
    assert instances == dict.fromkeys(SLOW_PATHS, SLEEPING_INSTANCES) | dict.fromkeys(TRYLOCKS, 0)


@every_kernel
@every_mode
@every_attach
def test_every_program_has_a_name_of_its_own(
    model: KernelModel, mode: Mode, attach: Attach
) -> None:
    names = [program.name for program in programs(model, mode, attach)]
    assert len(names) == len(set(names))


@every_kernel
@every_mode
@every_attach
def test_what_the_kernel_skips_is_reported_of_every_program_that_counts_something(
    model: KernelModel, mode: Mode, attach: Attach
) -> None:
    for program in programs(model, mode, attach):
        if program.kind is Kind.RAW_TRACEPOINT:
            assert program.recursion_reason is None
            continue
        reason = "recursion"
        if program.target in SLOW_PATHS:
            reason = "recursion_waits"
        elif program.target not in {lock.name for lock in model.locks}:
            reason = "recursion_tree_operations"
        assert program.recursion_reason == reason, program


def call(name: str, attach: Attach, kind: Kind, target: str) -> str:
    (found,) = (
        program.text
        for program in programs(MODELS[name], Mode.FULL, attach)
        if (program.kind, program.target) == (kind, target)
    )
    return found.partition("return ")[2].partition(";")[0]


def test_of_several_trees_a_root_does_not_tell_the_mapping() -> None:
    model = SavedKernel("split").model
    calls = [program.text for program in programs(model, Mode.FULL, Attach.MIXED)]
    changes = [text for text in calls if "change_tree" in text]
    assert changes
    assert all("mapping_of(ctx->di)" in text for text in changes)


@pytest.mark.parametrize(
    ("name", "attach", "kind", "target", "expected"),
    [
        (
            "stock-6.1", Attach.MIXED, Kind.KPROBE, "vma_interval_tree_insert_after",
            "change_tree(ctx->di, mapping_of_tree(ctx->dx), ctx->dx, ctx->si, INSERT_AFTER)",
        ),
        (
            "stock-6.1", Attach.FENTRY, Kind.FENTRY, "vma_interval_tree_remove",
            "change_tree(ctx[0], mapping_of_tree(ctx[1]), ctx[1], 0, REMOVE)",
        ),
        (
            "stock-7.x", Attach.MIXED, Kind.KPROBE, "mapping_rmap_tree_insert_after",
            "change_tree(ctx->di, ctx->dx, 0, ctx->si, INSERT_AFTER)",
        ),
        (
            "stock-7.x", Attach.MIXED, Kind.KPROBE, "mapping_rmap_tree_insert",
            "change_tree(ctx->di, ctx->si, 0, 0, INSERT)",
        ),
        (
            "stock-6.12",
            Attach.MIXED,
            Kind.KPROBE,
            "down_write",
            "acquire(ctx, ctx->di, false, WRITE_SIDE)",
        ),
        (
            "stock-6.12",
            Attach.MIXED,
            Kind.KPROBE,
            "down_read_trylock",
            "acquire(ctx, ctx->di, true, READ_SIDE)",
        ),
        ("stock-6.12", Attach.MIXED, Kind.KRETPROBE, "down_read_trylock", "tried(0, ctx->ax)"),
        ("stock-6.12", Attach.FENTRY, Kind.FEXIT, "down_read_trylock", "tried(ctx[0], ctx[1])"),
        ("stock-6.12", Attach.MIXED, Kind.KPROBE, "up_read", "release(ctx->di)"),
        (
            "stock-6.12", Attach.MIXED, Kind.FENTRY, "rwsem_down_read_slowpath",
            "enter_slow_path(ctx, ctx[0], READ_SIDE)",
        ),
        # The return value stands behind the arguments, of which the two slow paths have 2 and 3.
        (
            "stock-6.12", Attach.MIXED, Kind.FEXIT, "rwsem_down_write_slowpath",
            "leave_slow_path(ctx[0], ctx[2])",
        ),
        (
            "stock-6.12", Attach.MIXED, Kind.FEXIT, "rwsem_down_read_slowpath",
            "leave_slow_path(ctx[0], ctx[3])",
        ),
        (
            "stock-6.12", Attach.KPROBE, Kind.KRETPROBE, "rwsem_down_read_slowpath",
            "leave_slow_path_of_task(ctx->ax)",
        ),
    ],
)  # fmt: skip
def test_a_program_finds_its_arguments(
    name: str, attach: Attach, kind: Kind, target: str, expected: str
) -> None:
    assert call(name, attach, kind, target) == expected


def test_where_trees_have_locks_an_address_is_a_number() -> None:
    found = programs(SavedKernel("split").model, Mode.FULL, Attach.MIXED)
    (entry,) = [one for one in found if one.name == "kfunc__rwsem_down_write_slowpath"]
    assert "enter_slow_path(ctx, read_u64((u64)&ctx[0]), WRITE_SIDE)" in entry.text


def test_the_end_of_an_inode_is_seen_where_trees_have_locks() -> None:
    split = replace(SavedKernel("split").model, has_destroy_inode=True)
    single = replace(SavedKernel("stock-6.12").model, has_destroy_inode=True)
    assert "__destroy_inode" in {one.target for one in programs(split, Mode.FULL, Attach.MIXED)}
    assert "__destroy_inode" not in {
        one.target for one in programs(single, Mode.FULL, Attach.MIXED)
    }
