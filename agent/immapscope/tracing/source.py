# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that BCC compiles: the probes of a mode, after the constants of this kernel and session.

Map sizes are chosen here; `immapscope doctor` says what they cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from immapscope.errors import ImmapscopeError
from immapscope.kernel.model import KernelModel
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Mode
from immapscope.tracing.programs import Program

_COMMON = ("session.c", "file.c", "row.c", "stack.c", "wait.c")
_ENDS = ("tree.c", "machine.c")


def _files(mode: Mode, folded: bool) -> tuple[str, ...]:
    fold = "fold.c" if folded else "no_fold.c"
    if mode is Mode.FULL:
        return (*_COMMON, fold, "held.c", "slowpath.c", "acquire.c", "release.c", *_ENDS)
    return (*_COMMON, fold, "no_holds.c", "slowpath.c", *_ENDS)


#: lock:contention_begin's flag for a rwsem's writer (LCB_F_WRITE, include/trace/events/lock.h).
_CONTENTION_WRITE = 4
#: Bytes of kernel text that one element of the text index describes: four granules of 16 bytes.
TEXT_ELEMENT_BYTES = 64


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each a session has room for; what does not fit is counted, see docs."""

    cpus: int
    nodes: int
    files: int = 4096
    rows: int = 16384
    stacks: int = 8192
    waiting: int = 16384
    held: int = 16384
    functions: int = 1024
    text_base: int = 0
    text_bytes: int = 0

    def __post_init__(self) -> None:
        if min(self.files, self.rows) < 2 or min(self.waiting, self.held) < 1:
            raise ImmapscopeError("map sizes: files and rows need at least 2, states at least 1")

    @property
    def text_elements(self) -> int:
        """Elements of the text index, at least one."""
        return self.text_bytes // TEXT_ELEMENT_BYTES + 1

    def with_text(self, base: int, length: int) -> Sizes:
        """The same sizes for kernel text that starts at `base` and is `length` bytes long."""
        return replace(self, text_base=base, text_bytes=length)


def probes_directory() -> Path:
    """Where the probes are: beside the package in a wheel, in probes/ of a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "probes", package.parent.parent / "probes"):
        if (candidate / "session.c").is_file():
            return candidate
    raise ImmapscopeError(f"the BPF probes are missing: no probes/session.c beside {package}")


def macros(model: KernelModel, sizes: Sizes) -> dict[str, int]:
    """Every constant that the probes ask for, by name."""
    return {
        **model.macros(),
        "CPUS": sizes.cpus,
        "FILES": sizes.files,
        "CELLS": sizes.files * sizes.nodes,
        "ROWS": sizes.rows,
        "STACKS": sizes.stacks,
        "WAITING": sizes.waiting,
        "HELD": sizes.held,
        "FUNCTIONS": sizes.functions,
        "TEXT_ELEMENTS": sizes.text_elements,
        "CONTENTION_WRITE": _CONTENTION_WRITE,
        **{f"OPERATION_{operation.name}": operation.code for operation in Operation},
        "CAUSE_OTHER": Cause.OTHER.code,
    }


def module_text(
    model: KernelModel,
    mode: Mode,
    sizes: Sizes,
    chosen: tuple[Program, ...],
    folded: bool = False,
) -> str:
    """One BCC module: constants, the probes of `mode`, a function for each program."""
    directory = probes_directory()
    defines = [f"#define {name} {value}" for name, value in macros(model, sizes).items()]
    defines.append(f"#define TEXT_BASE 0x{sizes.text_base:x}ULL")
    parts = [(directory / name).read_text("utf-8") for name in _files(mode, folded)]
    return "\n".join([*defines, *parts, *(program.text for program in chosen)])
