# SPDX-License-Identifier: GPL-2.0-or-later
"""Which program runs at which kernel function, and how it gets there.

"mixed" is what measured exact on preempting and other kernels alike (docs/accuracy.md): kprobes at
entries, releases and tree operations, fentry and fexit on the two slow paths, which run with
preemption disabled (down_write() and down_read() in kernel/locking/rwsem.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from immapscope.kernel.functions import Action, LockFunction, Side, SlowPath, TreeFunction
from immapscope.kernel.model import KernelModel
from immapscope.snapshot import Mode
from immapscope.tracing.request import Attach


class Kind(StrEnum):
    """What kind of BPF program it is, in the kernel's words."""

    KPROBE = "kprobe"
    KRETPROBE = "kretprobe"
    FENTRY = "fentry"
    FEXIT = "fexit"
    RAW_TRACEPOINT = "raw_tracepoint"


#: The most instances that a kretprobe may have (KRETPROBE_MAXACTIVE_MAX,
#: kernel/trace/trace_probe.h): a sleeping waiter holds one for as long as it sleeps.
SLEEPING_INSTANCES = 4096

_RECURSION_REASONS = (
    ("acquire", "recursion"),
    ("tried", "recursion"),
    ("release", "recursion"),
    ("enter_slow_path", "recursion_waits"),
    ("leave_slow_path", "recursion_waits"),
    ("leave_slow_path_of_task", "recursion_waits"),
    ("change_tree", "recursion_tree_operations"),
)

_REGISTERS = ("di", "si", "dx", "cx", "r8", "r9")


@dataclass(frozen=True, slots=True)
class Program:
    """One BPF program: its kind, the function or tracepoint it is for, and its C text.

    `instances` is a kretprobe's maxactive, 0 for the kernel's own choice.
    """

    kind: Kind
    target: str
    name: str
    text: str
    instances: int = 0

    @property
    def recursion_reason(self) -> str | None:
        """The loss reason under which the kernel's skips of this program are reported."""
        for call, reason in _RECURSION_REASONS:
            if f"return {call}(" in self.text:
                return reason
        return None


def _argument(kind: Kind, index: int) -> str:
    if kind in (Kind.FENTRY, Kind.FEXIT):
        return f"ctx[{index}]"
    return f"ctx->{_REGISTERS[index]}"


def _program(kind: Kind, target: str, call: str, instances: int = 0) -> Program:
    safe = target.replace(".", "_")
    if kind is Kind.FENTRY:
        # BCC finds the function to attach to in the program's own name.
        text = f"KFUNC_PROBE({target})\n{{\n\treturn {call};\n}}\n"
        return Program(kind, target, f"kfunc__{target}", text)
    if kind is Kind.FEXIT:
        text = f"KRETFUNC_PROBE({target})\n{{\n\treturn {call};\n}}\n"
        return Program(kind, target, f"kretfunc__{target}", text)
    context = {
        Kind.KPROBE: "struct pt_regs",
        Kind.KRETPROBE: "struct pt_regs",
        Kind.RAW_TRACEPOINT: "struct bpf_raw_tracepoint_args",
    }[kind]
    name = f"{kind.value}_{safe}"
    text = f"int {name}({context} *ctx)\n{{\n\treturn {call};\n}}\n"
    return Program(kind, target, name, text, instances)


def _lock_programs(lock: LockFunction, attach: Attach) -> Iterator[Program]:
    entry = Kind.FENTRY if attach is Attach.FENTRY else Kind.KPROBE
    sem = _argument(entry, lock.argument)
    if lock.action is Action.RELEASE:
        yield _program(entry, lock.name, f"release({sem})")
        return
    tries = lock.action is Action.TRY
    call = f"acquire(ctx, {sem}, {str(tries).lower()}, {_side(lock.side)})"
    yield _program(entry, lock.name, call)
    if not tries:
        return
    if attach is Attach.FENTRY:
        yield _program(Kind.FEXIT, lock.name, f"tried({sem}, ctx[{lock.arguments}])")
    else:
        # A trylock never sleeps, so the kernel's own number of instances (twice the CPUs) serves.
        yield _program(Kind.KRETPROBE, lock.name, "tried(0, ctx->ax)")


def _side(side: Side) -> str:
    return "WRITE_SIDE" if side is Side.WRITE else "READ_SIDE"


def _slow_path_programs(path: SlowPath, attach: Attach) -> Iterator[Program]:
    side = _side(path.side)
    if attach is Attach.KPROBE:
        sem = _argument(Kind.KPROBE, path.argument)
        yield _program(Kind.KPROBE, path.name, f"enter_slow_path(ctx, {sem}, {side})")
        yield _program(
            Kind.KRETPROBE, path.name, "leave_slow_path_of_task(ctx->ax)", SLEEPING_INSTANCES
        )
        return
    sem = _argument(Kind.FENTRY, path.argument)
    yield _program(Kind.FENTRY, path.name, f"enter_slow_path(ctx, {sem}, {side})")
    yield _program(Kind.FEXIT, path.name, f"leave_slow_path({sem}, ctx[{path.arguments}])")


def _change(entry: Kind, tree: TreeFunction, one_tree: bool) -> str:
    vma = _argument(entry, tree.vma_argument)
    root = "0" if tree.root_argument is None else _argument(entry, tree.root_argument)
    if tree.mapping_argument is not None:
        mapping = _argument(entry, tree.mapping_argument)
    elif tree.root_argument is not None and one_tree:
        mapping = f"mapping_of_tree({root})"
    else:
        mapping = f"mapping_of({vma})"
    behind = "0" if tree.behind_argument is None else _argument(entry, tree.behind_argument)
    return f"change_tree({vma}, {mapping}, {root}, {behind}, {tree.operation.name})"


def _with_plain_arguments(program: Program) -> Program:
    """An address to be hashed must be a number; the verifier takes fentry's for pointers."""
    if program.kind not in (Kind.FENTRY, Kind.FEXIT):
        return program
    return replace(program, text=re.sub(r"ctx\[\d+\]", r"read_u64((u64)&\g<0>)", program.text))


def watching_programs(model: KernelModel, attach: Attach) -> tuple[Program, ...]:
    """The programs that an unknown layout is learnt by; a trylock may fail, so none is watched."""
    entry = Kind.FENTRY if attach is Attach.FENTRY else Kind.KPROBE
    chosen: list[Program] = []
    for lock in model.locks:
        sem = _argument(entry, lock.argument)
        if lock.action is Action.RELEASE:
            chosen.append(_program(entry, lock.name, f"watch_release({sem})"))
        elif lock.action is Action.ACQUIRE:
            call = f"watch_acquire({sem}, {_side(lock.side)})"
            chosen.append(_program(entry, lock.name, call))
    for tree in model.tree:
        vma = _argument(entry, tree.vma_argument)
        root = "0" if tree.root_argument is None else _argument(entry, tree.root_argument)
        call = f"watch_change({vma}, {root}, {tree.operation.name})"
        chosen.append(_program(entry, tree.name, call))
    return tuple(_with_plain_arguments(program) for program in chosen)


def programs(
    model: KernelModel,
    mode: Mode,
    attach: Attach,
    tree_operations: bool = True,
    recorded: bool = False,
) -> tuple[Program, ...]:
    """The programs of a session, in the order in which they are attached."""
    entry = Kind.FENTRY if attach is Attach.FENTRY else Kind.KPROBE
    chosen: list[Program] = []
    if mode is Mode.FULL:
        for lock in model.locks:
            chosen.extend(_lock_programs(lock, attach))
    for path in model.slow_paths:
        chosen.extend(_slow_path_programs(path, attach))
    if model.has_contention_begin:
        call = "queue_up(ctx->args[0], ctx->args[1])"
        chosen.append(_program(Kind.RAW_TRACEPOINT, "contention_begin", call))
    if tree_operations or mode is Mode.FULL:
        for tree in model.tree:
            chosen.append(_program(entry, tree.name, _change(entry, tree, model.trees is None)))
    if model.has_tree_locks and model.has_destroy_inode:
        call = f"forget_locks({_argument(entry, 0)})"
        chosen.append(_program(entry, "__destroy_inode", call))
    events = [
        ("sched_process_exec", "count_exec()"),
        ("sched_process_fork", "count_fork(ctx->args[1])"),
    ]
    if recorded:
        events.append(("sched_process_exit", "count_exit()"))
    for event, call in events:
        chosen.append(_program(Kind.RAW_TRACEPOINT, event, call))
    if model.has_tree_locks:
        chosen = [_with_plain_arguments(program) for program in chosen]
    return tuple(chosen)
