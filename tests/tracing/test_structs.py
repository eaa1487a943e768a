# SPDX-License-Identifier: GPL-2.0-or-later
"""What the agent reads is what the probes write: every struct, code and constant agrees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from immapscope.kernel.words import Operation
from immapscope.recording import records
from immapscope.snapshot import WAIT_BUCKET_BOUNDS_NS, HolderKind
from immapscope.tracing import assemble
from immapscope.tracing import counters as layouts
from immapscope.tracing.sizes import TEXT_ELEMENT_BYTES
from immapscope.tracing.source import probes_directory
from tests.tracing.c_structs import CText, leaves_of

PROBES = "\n".join(file.read_text() for file in sorted(probes_directory().glob("*.c")))
C = CText(PROBES)

STRUCTS: dict[str, np.dtype[Any]] = {
    "control": layouts.CONTROL,
    "cpu_counts": layouts.CPU_COUNTS,
    "number": layouts.NUMBER,
    "pool": layouts.POOL,
    "file": layouts.FILE,
    "cell": layouts.CELL,
    "row": layouts.ROW,
    "function": layouts.FUNCTION,
    "granules": layouts.GRANULES,
    "wait": layouts.WAIT,
    "held": layouts.HELD,
    "place": layouts.PLACE,
    "record": records.RECORD_ITSELF,
    "refused": records.REFUSED,
    "stack_key": layouts.STACK_KEY,
    "stack_weight": layouts.STACK_WEIGHT,
}

#: The loss reasons in C, in the order that counters.py must keep, and what they are called there.
REASONS = {
    "LOST_HELD_FULL": "state_full",
    "LOST_WAITING_FULL": "wait_state_full",
    "LOST_EXIT_MISSED": "exit_missed",
    "LOST_RELEASE_MISSED": "release_missed",
    "LOST_RETURN_MISSED": "return_missed",
    "LOST_ROWS_FULL_WAIT": "rows_full_waits",
    "LOST_ROWS_FULL_ACQUISITION": "rows_full",
    "LOST_STACK_UNREADABLE": "stack_unreadable",
    "LOST_STACK_COLLIDED": "stack_collided",
    "LOST_STACKS_FULL": "stack_weights_full",
    "LOST_RELEASE_MISSED_WAIT": "release_missed_waits",
}


@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_has_its_members_where_the_agent_reads_them(name: str) -> None:
    layout, dtype = C.struct(name), STRUCTS[name]
    assert list(layout.leaves) == list(leaves_of(dtype))
    assert layout.size == dtype.itemsize


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\tu64 named;\n\tu64 deleted;\n", "\tu64 deleted;\n\tu64 named;\n"),
        ("\tu64 named;\n", "\tu32 named;\n"),
        ("\tu64 vmas_known;\n", "\tu64 vmas_known;\n\tu64 more;\n"),
        ("\tchar name[256];", "\tu8 name[255];"),
    ],
)
def test_a_struct_that_was_changed_on_one_side_is_noticed(old: str, new: str) -> None:
    assert old in PROBES
    changed = CText(PROBES.replace(old, new)).struct("file")
    assert list(changed.leaves) != list(leaves_of(layouts.FILE))


def test_the_loss_reasons_are_those_of_the_probes_in_their_order() -> None:
    names = [name for name, _ in sorted(C.enums["lost"].items(), key=lambda item: item[1])]
    assert [REASONS[name] for name in names] == [reason for reason, _ in layouts.LOSS_REASONS]
    assert len(names) <= C.constants["LOSS_REASONS"]


def test_units_and_tree_operations_have_the_same_numbers() -> None:
    assert C.enums["unit"] == {
        "ACQUISITION": assemble.ACQUISITION,
        "WAIT": assemble.WAIT,
        "UNITS": 2,
    }
    assert C.enums["tree_operation"] == {
        "INSERT": assemble.INSERT,
        "INSERT_AFTER": assemble.INSERT_AFTER,
        "REMOVE": assemble.REMOVE,
        "TREE_OPERATIONS": 3,
    }


def test_holders_have_the_same_numbers() -> None:
    kinds = {
        1: HolderKind.WRITER,
        2: HolderKind.READER,
        3: HolderKind.UNKNOWN,
    }
    assert C.enums["holder"] == {
        "NO_HOLDER": 0,
        **{
            name: number
            for number, name in ((1, "WRITER_HOLDS"), (2, "READER_HOLDS"), (3, "UNKNOWN_HOLDER"))
        },
    }
    assert kinds == assemble._HOLDERS


def test_a_hold_that_was_waited_for_has_the_same_flag() -> None:
    assert C.enums["held_flags"]["CONTENDED"] == layouts.HELD_CONTENDED


def test_the_row_of_the_files_beyond_the_slots_is_the_same() -> None:
    assert C.constants["NO_FILE"] == assemble.NO_FILE


def test_the_wait_histogram_has_the_bounds_that_are_published() -> None:
    assert C.constants["BUCKETS"] == len(WAIT_BUCKET_BOUNDS_NS) + 1
    first = C.constants["FIRST_BUCKET_LOG2"]
    assert [1 << (first + i) for i in range(C.constants["BUCKETS"] - 1)] == list(
        WAIT_BUCKET_BOUNDS_NS
    )


def test_every_operation_has_room_in_a_cell() -> None:
    # A power of two, since the probes mask the index for the verifier.
    room = C.constants["OPERATIONS"]
    assert max(operation.code for operation in Operation) < room
    assert room & (room - 1) == 0


def test_the_text_index_is_cut_as_the_agent_fills_it() -> None:
    granules_of_an_element = layouts.GRANULES["four"].shape[0]
    granule = 1 << C.constants["GRANULE_LOG2"]
    assert granule * granules_of_an_element == TEXT_ELEMENT_BYTES


def test_what_is_mapped_has_values_that_the_kernel_does_not_pad() -> None:
    mapped = ("control", "cpu_counts", "number", "file", "cell", "row", "function", "granules")
    assert {name: STRUCTS[name].itemsize % 8 for name in mapped} == dict.fromkeys(mapped, 0)


def test_a_cpus_counts_fill_a_cache_line_of_their_own() -> None:
    assert layouts.CPU_COUNTS.itemsize % 64 == 0
