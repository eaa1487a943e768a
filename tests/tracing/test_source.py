# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that is compiled: constants of the kernel and the session, sizes that make sense."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.cli.trial import kernel_memory
from immapscope.errors import CannotTraceError, ImmapscopeError
from immapscope.kernel.classes import class_table
from immapscope.kernel.words import Cause, Operation
from immapscope.snapshot import Mode
from immapscope.tracing import counters as layouts
from immapscope.tracing import loader
from immapscope.tracing.loader import Module
from immapscope.tracing.programs import programs
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import TEXT_ELEMENT_BYTES, Sizes
from immapscope.tracing.source import macros, module_text, probes_directory
from lab import cache
from tests.kernel.saved import STOCK, SavedKernel

SIZES = Sizes(cpus=8, nodes=4, text_base=0xFFFFFFFF81000000, text_bytes=1 << 20)


def test_constants_are_those_of_the_kernel_and_of_the_session() -> None:
    model = SavedKernel("stock-7.x").model
    given_ = macros(model, SIZES, Request(Mode.FULL))
    assert model.macros().items() <= given_.items()
    assert given_["CELLS"] == 4 * SIZES.files
    assert given_["CPUS"] == 8
    assert {
        name: code for name, code in given_.items() if name.startswith(("OPERATION_", "CAUSE_"))
    } == {
        **{f"OPERATION_{operation.name}": operation.code for operation in Operation},
        "CAUSE_OTHER": Cause.OTHER.code,
    }


def test_the_text_base_is_an_address_of_64_bits() -> None:
    model = SavedKernel("stock-7.x").model
    text = module_text(model, SIZES, (), Request(Mode.FULL))
    assert re.search(r"^#define TEXT_BASE 0xffffffff81000000ULL$", text, re.MULTILINE)


@given(st.integers(0, 1 << 30))
def test_the_text_index_covers_every_byte_of_the_text(length: int) -> None:
    sizes = SIZES.with_text(0xFFFFFFFF81000000, length)
    assert (sizes.text_elements - 1) * TEXT_ELEMENT_BYTES <= length
    assert sizes.text_elements * TEXT_ELEMENT_BYTES > length


@pytest.mark.parametrize("kernel", STOCK)
def test_there_is_room_for_every_function_that_says_something(kernel: str) -> None:
    assert len(class_table(SavedKernel(kernel).symbols)) < SIZES.functions


@pytest.mark.parametrize(
    ("size", "room"), [("files", 1), ("rows", 32), ("waiting", 0), ("held", 0)]
)
def test_a_table_without_room_is_refused(size: str, room: int) -> None:
    with pytest.raises(ImmapscopeError, match="map sizes"):
        Sizes(8, 4, **{size: room})


@pytest.fixture(scope="module")
def compiler() -> None:
    """BCC, where it is there and the kernel lets it make maps."""
    if find_spec("bcc") is None:
        pytest.skip("python3-bpfcc is not installed for this Python")
    try:
        Module("BPF_ARRAY(nothing, u64, 1);").close()
    except CannotTraceError as error:
        pytest.skip(f"BPF maps cannot be made here: {error}")


def compile_once(text: str) -> None:
    """It takes a second: a text that compiled here before, byte for byte, is not compiled again."""
    import bcc

    headers = sorted((probes_directory() / "include").rglob("*.h"))
    kernel = os.uname()
    files = (Path(loader.__file__), *headers)
    made_by = (bcc.__version__, kernel.release, kernel.version)
    made_of = cache.key(text, *(path.read_bytes() for path in files), *made_by)
    cache.entry("compiled", made_of, lambda _: Module(text).close())


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("kernel", "attach"),
    [
        *zip(STOCK, Attach, strict=True),
        ("tree-only", Attach.MIXED),
        ("split", Attach.MIXED),
        ("inverted", Attach.FENTRY),
        ("pointer-array", Attach.MIXED),
    ],
)
def test_every_set_of_programs_compiles(kernel: str, mode: Mode, attach: Attach) -> None:
    model = SavedKernel(kernel).model
    text = module_text(
        model, SIZES, programs(model, mode, attach), Request(mode, folded=mode is Mode.FULL)
    )
    compile_once(text)


@pytest.fixture(scope="module")
def big_machine(compiler: None) -> Iterator[tuple[Module, int]]:
    """The maps of full mode on 12 nodes and 384 CPUs, with 40 MB of kernel text; their bytes."""
    model = SavedKernel("stock-7.x").model
    sizes = Sizes(cpus=384, nodes=12, text_bytes=40 << 20)
    chosen = programs(model, Mode.FULL, Attach.MIXED)
    before = kernel_memory()
    with Module(module_text(model, sizes, chosen, Request(Mode.FULL, folded=True))) as module:
        yield module, kernel_memory() - before


MAPS: dict[str, np.dtype[Any]] = {
    "control": layouts.CONTROL,
    "cpu_counts": layouts.CPU_COUNTS,
    "node_of_cpu": layouts.NUMBER,
    "files": layouts.FILE,
    "cells": layouts.CELL,
    "rows": layouts.ROW,
    "functions": layouts.FUNCTION,
    "text_index": layouts.GRANULES,
    "waiting": layouts.WAIT,
    "held": layouts.HELD,
    "places": layouts.PLACE,
    "stack_weights": layouts.STACK_WEIGHT,
}


@pytest.mark.parametrize("name", MAPS)
def test_the_compiler_makes_values_as_long_as_the_agent_reads(
    big_machine: tuple[Module, int], name: str
) -> None:
    module, _ = big_machine
    described = Path(f"/proc/self/fdinfo/{module.map_fd(name)}").read_text()
    size = re.search(r"^value_size:\t(\d+)$", described, re.MULTILINE)
    assert size is not None
    assert int(size[1]) == MAPS[name].itemsize


def test_a_big_machine_gives_no_more_kernel_memory_than_is_promised(
    big_machine: tuple[Module, int],
) -> None:
    _, memory = big_machine
    # The mapped arrays alone come to some 25 MB.
    assert 25e6 < memory <= 64e6
