# SPDX-License-Identifier: GPL-2.0-or-later
"""The arrays of a session are opened, read and closed through descriptors alone."""

from __future__ import annotations

import ctypes
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from immapscope.errors import CannotTraceError
from immapscope.tracing import counting as counting_module
from immapscope.tracing.counters import CLAIMED, Structs
from immapscope.tracing.counting import Counting, wait_for_programs
from immapscope.tracing.sizes import OPERATIONS, Sizes
from tests.tracing.arrays import SMALL, Maps, memory, small_counting
from tests.tracing.counted import DEVICE


@pytest.fixture
def counting() -> Counting:
    """Prepared, not open."""
    return small_counting()


def test_it_lives_without_the_descriptors_that_it_was_made_of() -> None:
    with Maps() as maps:
        counting = maps.counting()
        again = Counting(maps.descriptors.__getitem__, SMALL)
    counting.control["running"] = 1
    # Both are the same memory, as the programs' is.
    assert again.control["running"][0] == 1


def test_the_programs_are_told_each_cpus_node(counting: Counting) -> None:
    assert list(counting.nodes["value"]) == [0, 1]


def test_slot_0_and_the_coarse_rows_are_handed_out_to_nobody(counting: Counting) -> None:
    assert counting.control["files"]["next"] == 1
    assert counting.control["rows"]["next"] == SMALL.coarse_rows
    assert not counting.files["state"].any()


def test_each_node_and_operation_has_its_coarse_row(counting: Counting) -> None:
    for node in range(SMALL.nodes):
        for operation in range(OPERATIONS):
            # The index that coarse_row of probes/row.c computes.
            row = counting.rows[node * OPERATIONS + operation]
            assert (row["node"], row["operation"], row["slot"]) == (node, operation, 0)
            assert row["state"] == CLAIMED
    assert not counting.rows[SMALL.coarse_rows :]["state"].any()


def test_it_counts_from_open_to_close(counting: Counting) -> None:
    assert not counting.control["running"]
    counting.open(())
    assert counting.control["running"]
    assert not counting.closed
    counting.close()
    assert not counting.control["running"]
    assert counting.closed


def test_its_duration_grows_while_it_is_open_and_stands_still_after(counting: Counting) -> None:
    began = time.monotonic_ns()
    counting.open(())
    first, second = counting.duration_ns, counting.duration_ns
    assert 0 <= first <= second <= time.monotonic_ns() - began
    counting.close()
    assert counting.duration_ns == counting.duration_ns >= second


def test_no_program_runs_any_more_when_it_is_closed(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag_when_waiting: list[int] = []
    monkeypatch.setattr(
        counting_module,
        "wait_for_programs",
        lambda: flag_when_waiting.append(int(counting.control["running"][0])),
    )
    counting.open(())
    counting.close()
    assert flag_when_waiting == [0]


def test_what_was_read_does_not_change_any_more(counting: Counting) -> None:
    counting.open(())
    counting.control["files"]["next"] = 3
    before = counting.read()
    counting.cells["entered"] += 1
    counting.rows["contended"] += 1
    counting.cpus["execs"] += 1
    counting.files["number"] += 1
    assert not before.cells["entered"].any()
    assert not before.rows["contended"].any()
    assert not before.cpus["execs"].any()
    assert not before.files["number"].any()


def test_only_what_was_handed_out_is_read(counting: Counting) -> None:
    counting.open(())
    assert counting.read().cells.shape == (SMALL.nodes, 1)
    assert len(counting.read().rows) == SMALL.coarse_rows
    counting.control["files"]["next"] = 4
    counting.control["rows"]["next"] = SMALL.coarse_rows + 2
    read = counting.read()
    assert read.cells.shape == (SMALL.nodes, 4)
    assert (len(read.files), len(read.rows)) == (4, SMALL.coarse_rows + 2)


@pytest.fixture
def missed(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """How often the kernel skipped each program so far, by descriptor."""
    missed = {7: 100, 8: 200, 9: 300, 10: 400}
    monkeypatch.setattr(counting_module, "_recursion_misses", missed.__getitem__)
    return missed


def test_what_the_kernel_skipped_is_counted_by_reason_and_from_the_opening(
    counting: Counting, missed: dict[int, int]
) -> None:
    counting.open([(7, "recursion"), (8, "recursion"), (9, "recursion_waits"), (10, None)])
    assert counting.read().recursion == {"recursion": 0, "recursion_waits": 0}
    for descriptor, by in ((7, 1), (8, 2), (9, 4), (10, 8)):
        missed[descriptor] += by
    assert counting.read().recursion == {"recursion": 3, "recursion_waits": 4}


def test_a_kernel_that_does_not_say_what_it_skipped_skipped_nothing(counting: Counting) -> None:
    with open("/dev/null") as no_program:
        counting.open([(no_program.fileno(), "recursion")])
        assert counting.read().recursion == {"recursion": 0}


def learning(monkeypatch: pytest.MonkeyPatch, counting: Counting, slot: int) -> list[bytes]:
    """From here on the programs learn this slot from any file that is mapped; which were."""
    mapped: list[bytes] = []

    def map_once(path: bytes, control: Structs) -> None:
        mapped.append(path)
        control["learnt"] = slot

    monkeypatch.setattr(counting_module, "map_once", map_once)
    counting.files[slot]["device"] = DEVICE
    counting.files[slot]["number"] = 1234
    return mapped


def test_the_inode_behind_a_path_is_the_one_that_the_programs_saw(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = learning(monkeypatch, counting, 2)
    assert counting.learn(b"/usr/bin/bash") == (DEVICE, 1234)
    assert mapped == [b"/usr/bin/bash"]


def test_a_path_of_which_they_saw_nothing_is_not_that_of_the_one_before(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning(monkeypatch, counting, 2)
    counting.learn(b"/usr/bin/bash")
    monkeypatch.setattr(counting_module, "map_once", lambda path, control: None)
    assert counting.learn(b"/usr/bin/sh") is None


def test_a_file_that_is_not_there_is_an_error_of_the_system(counting: Counting) -> None:
    with pytest.raises(FileNotFoundError):
        counting.learn(b"/nowhere/at/all")


def test_maps_that_are_too_small_are_one_clear_line() -> None:
    descriptor = memory("small", 0)
    try:
        with pytest.raises(CannotTraceError, match="cannot map"):
            Counting(lambda name: descriptor, SMALL)
    finally:
        os.close(descriptor)


def test_where_the_barrier_is_refused_time_is_given_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    refusing = SimpleNamespace(syscall=lambda *_: -1)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: refusing)
    monkeypatch.setattr(time, "sleep", slept.append)
    wait_for_programs()
    assert len(slept) == 1
    assert slept[0] >= 0.1


def test_the_largest_machine_is_read_as_any_other() -> None:
    sizes = Sizes(cpus=384, nodes=12)
    counting = small_counting(sizes)
    counting.open(())
    counting.control["files"]["next"] = sizes.files
    counting.cells["entered"][11, sizes.files - 1] = (1, 2)
    read = counting.read()
    assert read.cells.shape == (12, sizes.files)
    assert list(read.cells["entered"][11, sizes.files - 1]) == [1, 2]
    assert np.count_nonzero(read.cells["entered"]) == 2
