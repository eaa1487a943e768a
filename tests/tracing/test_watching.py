# SPDX-License-Identifier: GPL-2.0-or-later
"""Watching the agent's own mappings: what the probe writes is what is learnt from, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from immapscope.errors import CannotTraceError
from immapscope.kernel.functions import Side
from immapscope.kernel.layouts import Layout
from immapscope.kernel.learning import Observation
from immapscope.tracing import watching
from immapscope.tracing.counters import Structs
from immapscope.tracing.programs import Kind, Program, watching_programs
from immapscope.tracing.request import Attach
from immapscope.tracing.source import probes_directory, words
from tests.kernel.saved import SavedKernel
from tests.kernel.test_learning import MAPPING_BYTES, VMA_BYTES, WATCHABLE, Design, File, Memory
from tests.tracing.c_structs import CText, leaves_of
from tests.tracing.fakes import MACHINE

SIDES = watching._SIDES


def test_the_agent_reads_what_the_probe_writes() -> None:
    sizes = f"#define MAPPING_WORDS {words(MAPPING_BYTES)}\n#define VMA_WORDS {words(VMA_BYTES)}\n"
    text = CText(sizes + (probes_directory() / "watch.c").read_text())
    layout, dtype = text.struct("observed"), watching.observed_struct(WATCHABLE)
    # The agent sees the chunks of what a pointer points to as one.
    assert list(layout.leaves) == list(leaves_of(dtype))
    assert layout.size == dtype.itemsize


@pytest.mark.parametrize("attach", Attach)
@pytest.mark.parametrize("kernel", ["stock-6.12", "stock-7.x", "split"])
def test_locks_are_watched_at_both_ends_and_trees_at_each_change(
    kernel: str, attach: Attach
) -> None:
    chosen = watching_programs(SavedKernel(kernel, known_layouts=False).model, attach)
    entry = Kind.FENTRY if attach is Attach.FENTRY else Kind.KPROBE
    assert {program.kind for program in chosen} == {entry}
    called = [program.text.partition("return ")[2].partition("(")[0] for program in chosen]
    assert sorted(called) == sorted(
        2 * ["watch_acquire"] + 2 * ["watch_release"] + 3 * ["watch_change"]
    )


def test_a_lock_is_watched_on_the_side_that_is_taken() -> None:
    chosen = watching_programs(SavedKernel("split", known_layouts=False).model, Attach.MIXED)
    sides = {
        program.target: program.text.partition(", ")[2].partition(")")[0]
        for program in chosen
        if "watch_acquire(" in program.text
    }
    assert sides == {"down_read": "READ_SIDE", "down_write": "WRITE_SIDE"}
    codes = CText((probes_directory() / "session.c").read_text()).enums["side"]
    assert [f"{side.name}_SIDE" for side in SIDES] == sorted(codes, key=lambda name: codes[name])


class Watched:
    """A made-up kernel that runs the programs when the agent maps a file."""

    def __init__(self, design: Design) -> None:
        self.memory, self.design = Memory(), design
        self.control: Structs = np.zeros(0, np.uint8)
        self.observed: Structs = np.zeros(0, np.uint8)
        self.affinities: list[set[int]] = []
        self.attached: Sequence[Program] = ()
        self.cpu = 0
        self.operations = 0

    def write(self, seen: Observation) -> None:
        assert self.control["learner"][0] == os.getpid()
        self.operations += 1
        one = self.observed[0]
        one["number"] += 1
        one["change"] = 2 if seen.removes else 0
        one["vma"], one["mapping"], one["root"] = seen.vma, seen.mapping, seen.root or 0
        for number, held in enumerate(seen.held):
            one["sem"][number], one["side"][number] = held.address, SIDES.index(held.side)
            one["around"][number] = held.around
        one["vma_words"] = np.frombuffer(seen.vma_memory, np.uint64)
        one["mapping_words"] = seen.mapping_words
        one["pointees"] = 0
        one["pointees"][:, : seen.pointees.shape[1]] = seen.pointees


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(Design(False, True, i_mmap=24, trees=4, root=8, lock=32))

    class FakeModule:
        def __init__(self, text: str) -> None:
            assert "watch_change" in text

        def map_fd(self, name: str) -> str:
            return name

        def attach(self, programs: Sequence[Program]) -> None:
            watched.attached = programs

        def __enter__(self) -> FakeModule:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    class FakeFile:
        def __init__(self) -> None:
            self._file = File(watched.memory, watched.design)
            self._mapped: list[Iterator[Observation]] = []

        def map(self) -> None:
            mapped = self._file.operations(watched.cpu, gives_root=True)
            self._mapped.append(mapped)
            watched.write(next(mapped))

        def unmap(self) -> None:
            watched.write(next(self._mapped.pop()))

        def close(self) -> None:
            assert not self._mapped

    def map_array(name: str, dtype: np.dtype[Any], count: int) -> Structs:
        array = np.zeros(count, dtype)
        setattr(watched, name, array)
        return array

    def set_affinity(_: int, cpus: set[int]) -> None:
        watched.affinities.append(set(cpus))
        watched.cpu = min(cpus) % watched.design.trees

    monkeypatch.setattr(watching, "Module", FakeModule)
    monkeypatch.setattr(watching, "OwnFile", FakeFile)
    monkeypatch.setattr(watching, "map_array", map_array)
    monkeypatch.setattr(os, "sched_setaffinity", set_affinity)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    return watched


UNKNOWN = replace(SavedKernel("split", known_layouts=False).model, watchable=WATCHABLE)


def test_a_layout_is_learnt_from_mappings_of_every_cpu_and_of_many_at_once(kernel: Watched) -> None:
    model = watching.learnt(UNKNOWN, MACHINE, Attach.MIXED)
    assert (model.layout, model.shards) == (Layout.SPLIT, 4)
    assert model.learnt_from == kernel.operations == 2 * 2 * MACHINE.online + 2 * 128
    assert kernel.affinities == [{0}, {1}, {2}, {3}, {0, 1, 2, 3}]
    assert len(kernel.attached) == 7
    assert kernel.control["learner"][0] == 0


@pytest.mark.parametrize(
    ("side", "layout"), [(Side.READ, Layout.INVERTED), (Side.WRITE, Layout.NESTED)]
)
def test_how_the_lock_over_the_mapping_is_held_names_the_layout(
    kernel: Watched, side: Side, layout: Layout
) -> None:
    kernel.design = replace(kernel.design, mapping_lock=160, mapping_side=side)
    model = watching.learnt(UNKNOWN, MACHINE, Attach.MIXED)
    assert model.layout is layout
    # Whichever it is, both locks are found and counted.
    macros = model.macros()
    assert (macros["MAPPING_LOCK"], macros["OFF_MAPPING_I_MMAP_RWSEM"]) == (1, 160)
    assert (macros["TREE_LOCKS"], macros["OFF_TREE_RWSEM"]) == (1, 32)


def test_what_another_thread_maps_meanwhile_is_not_learnt_from(
    kernel: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = kernel.write

    def with_another(seen: Observation) -> None:
        write(seen)
        if kernel.operations % 10 == 0:
            kernel.observed[0]["number"] += 1
            kernel.observed[0]["mapping"] = 0xFF11_2222_3333_4444

    monkeypatch.setattr(kernel, "write", with_another)
    model = watching.learnt(UNKNOWN, MACHINE, Attach.MIXED)
    assert model.layout is Layout.SPLIT
    assert model.learnt_from is not None
    assert model.learnt_from < kernel.operations


def test_a_layout_that_follows_no_rule_is_told_with_what_btf_says(kernel: Watched) -> None:
    kernel.design = Design(False, True, i_mmap=24, trees=4)
    with pytest.raises(CannotTraceError) as refused:
        watching.learnt(UNKNOWN, MACHINE, Attach.MIXED)
    assert "unknown here (made up) and could not be learnt by watching" in str(refused.value)
    assert "no rwsem was always held" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_known_layout_is_not_watched() -> None:
    model = SavedKernel("split").model
    assert watching.learnt(model, MACHINE, Attach.MIXED) is model
