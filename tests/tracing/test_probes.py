# SPDX-License-Identifier: GPL-2.0-or-later
"""Each probe file is small, says what an event costs, and asks only for what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from immapscope.snapshot import Mode
from immapscope.tracing.programs import programs, watching_programs
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import Sizes
from immapscope.tracing.source import macros, module_text, probes_directory, watching_text
from tests.kernel.saved import STOCK, SavedKernel

PROBES = sorted(probes_directory().glob("*.c"))
SIZES = Sizes(cpus=8, nodes=4)
UNKNOWN = SavedKernel("split", known_layouts=False).model

_HEADER = re.compile(r"/\* SPDX-License-Identifier: [^\n]*\*/\n/\*(.*?)\*/", re.DOTALL)
_GIVEN = re.compile(r"\b(?:OFF|SIZE|OPERATION|CAUSE)_[A-Z0-9_]+\b")
LAYOUTS = ("stock-6.12", "tree-only", "split", "inverted")
_DEFINED = re.compile(r"#define (\w+)|^\s*(\w+)(?: = \w+)?,", re.MULTILINE)


def named(probe: Path) -> str:
    return probe.name


@pytest.mark.parametrize("probe", PROBES, ids=named)
def test_a_probe_file_says_what_an_event_costs(probe: Path) -> None:
    header = _HEADER.match(probe.read_text())
    assert header is not None
    assert re.search(r"\bCost: \S", header[1])


@pytest.mark.parametrize("probe", PROBES, ids=named)
def test_a_probe_file_is_short(probe: Path) -> None:
    assert len(probe.read_text().splitlines()) <= 150


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kernel", [*STOCK, *LAYOUTS])
def test_every_offset_and_code_that_a_module_asks_for_is_given(kernel: str, mode: Mode) -> None:
    model = SavedKernel(kernel).model
    text = module_text(model, SIZES, programs(model, mode, Attach.MIXED), Request(mode))
    asked = set(_GIVEN.findall(text))
    assert asked <= macros(model, SIZES, Request(mode)).keys()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("kernel", LAYOUTS)
def test_a_module_defines_each_thing_once(kernel: str, mode: Mode, folded: bool) -> None:
    model = SavedKernel(kernel).model
    text = module_text(
        model, SIZES, programs(model, mode, Attach.MIXED), Request(mode, folded=folded)
    )
    functions = re.findall(r"^static __always_inline .*?(\w+)\(", text, re.MULTILINE)
    defines = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    structs = re.findall(r"^(?:struct|enum) (\w+) \{", text, re.MULTILINE)
    maps = re.findall(r'^BPF_(?:F_)?TABLE\("\w+", [^,]+, [^,]+, (\w+)', text, re.MULTILINE)
    for names in (functions, defines, structs, maps):
        assert names
        assert len(names) == len(set(names))


def test_no_probe_is_left_out_of_every_module() -> None:
    models = [SavedKernel(kernel).model for kernel in LAYOUTS]
    requests = [Request(mode, folded=folded) for mode in Mode for folded in (False, True)]
    requests.append(Request(Mode.FULL, recorded=True))
    texts = [
        module_text(model, SIZES, programs(model, request.mode, Attach.MIXED), request)
        for model in models
        for request in requests
    ]
    texts.append(watching_text(UNKNOWN, SIZES.cpus, watching_programs(UNKNOWN, Attach.MIXED)))
    for probe in PROBES:
        assert any(probe.read_text() in text for text in texts), probe.name


def test_the_module_that_watches_asks_for_nothing_of_a_layout() -> None:
    text = watching_text(UNKNOWN, SIZES.cpus, watching_programs(UNKNOWN, Attach.MIXED))
    given = set(re.findall(r"^#define (\w+)", text, re.MULTILINE))
    assert set(_GIVEN.findall(text)) <= given


@pytest.mark.parametrize("kernel", LAYOUTS)
def test_contention_mode_looks_for_sweeps_wherever_trees_have_locks(kernel: str) -> None:
    # Also under a lock over the mapping: how a layout that was learnt is walked nobody has seen.
    model = SavedKernel(kernel).model
    chosen = programs(model, Mode.CONTENTION, Attach.MIXED)
    text = module_text(model, SIZES, chosen, Request(Mode.CONTENTION))
    sweeps = (probes_directory() / "swept_waits.c").read_text()
    assert (sweeps in text) == model.has_tree_locks == (kernel in ("split", "inverted"))


def test_contention_mode_has_no_code_for_acquisitions() -> None:
    model = SavedKernel("stock-6.12").model
    chosen = programs(model, Mode.CONTENTION, Attach.MIXED)
    text = module_text(model, SIZES, chosen, Request(Mode.CONTENTION))
    assert 'BPF_TABLE("hash", struct held_key' not in text
    assert "int acquire(" not in text
