# SPDX-License-Identifier: GPL-2.0-or-later
"""What user space did, and what the agent counted, are the same number."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import exact_storm
import pytest
from exact_storm import ALONE, EACH, SHARED, SHARERS, TASKS
from tracing import LAYOUT, LOCKS_OF_A_CHANGE, Report, new_file, trace

FORK_MAPPINGS = 5


@dataclass(frozen=True)
class Storm:
    report: Report
    asked: dict[int, dict[str, int]]

    def asked_for(self, file: Path) -> int:
        """How often the oracle saw somebody ask for the lock of `file`."""
        return sum(self.asked.get(file.stat().st_ino, {}).values())


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("mixed", marks=pytest.mark.core),
        pytest.param("fentry", marks=pytest.mark.forced_attach),
        pytest.param("kprobe", marks=pytest.mark.forced_attach),
    ],
)
def storm(request: pytest.FixtureRequest) -> Storm:
    names = [*ALONE, *(str(task) for task in range(TASKS)), "shared"]
    for name in names:
        new_file(f"file-{name}")
    driver = str(Path(exact_storm.__file__))
    report = trace(["--mode", "full", "--attach", request.param], [sys.executable, driver])
    asked = {int(number): by for number, by in json.loads(Path("oracle.json").read_text()).items()}
    return Storm(report, asked)


def of(what: str) -> tuple[Path, int, int]:
    """The file, node and count of an operation that ran alone."""
    cpu, count = ALONE[what]
    return Path(f"file-{what}").absolute(), cpu // 2, count


def test_every_mmap_is_one_insert_and_every_munmap_one_remove(storm: Storm) -> None:
    file, node, count = of("map")
    assert storm.report.tree_operations(file) == {node: (count, 0, count)}


def test_a_fixed_mapping_removes_the_one_that_it_replaces(storm: Storm) -> None:
    # One mapping before the first round, and the last is unmapped.
    file, node, count = of("fixed")
    assert storm.report.tree_operations(file) == {node: (count + 1, 0, count + 1)}


def test_mprotect_in_the_middle_splits_twice(storm: Storm) -> None:
    # mmap inserts one; a split puts in the new VMA and takes out and puts back the old one:
    # two splits are four inserts and two removes; munmap removes the three that are left.
    file, node, count = of("mprotect")
    assert storm.report.tree_operations(file) == {node: (5 * count, 0, 5 * count)}


def test_mremap_inserts_the_copy_and_removes_the_old(storm: Storm) -> None:
    file, node, count = of("mremap")
    assert storm.report.tree_operations(file) == {node: (count + 1, 0, count + 1)}


def test_fork_inserts_after_once_for_each_mapping(storm: Storm) -> None:
    # The child's exit removes what fork inserted; the parent maps and unmaps five of its own.
    file, node, count = of("fork")
    inserted = FORK_MAPPINGS * count
    expected = (FORK_MAPPINGS, inserted, FORK_MAPPINGS + inserted)
    assert storm.report.tree_operations(file) == {node: expected}


def test_truncate_changes_no_tree(storm: Storm) -> None:
    file, _, _ = of("truncate")
    assert storm.report.tree_operations(file) == {}


@pytest.mark.parametrize("what", ["map"])
def test_single_mmaps_and_munmaps_are_one_acquisition_each(storm: Storm, what: str) -> None:
    # mmap of a file with no neighbour to merge with: __mmap_region() or vma_link() takes the lock
    # once; munmap of a whole VMA: unlink_file_vma() takes it once.
    file, node, count = of(what)
    for operation in ("insert", "remove"):
        taken = storm.report.total("acquisitions", file, node=node, operation=operation)
        assert taken == LOCKS_OF_A_CHANGE * count
    assert storm.report.total("acquisitions", file) == 2 * LOCKS_OF_A_CHANGE * count


@pytest.mark.parametrize("what", list(ALONE))
def test_acquisitions_are_what_an_independent_program_saw_asked(storm: Storm, what: str) -> None:
    # How often an operation takes the lock differs by kernel (batched unlinks, truncate's two
    # walks), so an oracle counts: asked = got + failed trylocks, and nothing is in flight.
    file, _, _ = of(what)
    got = storm.report.total("acquisitions", file)
    if what == "truncate" and LAYOUT == "split":
        # Nobody maps it, so nothing has shown whose locks its trees' are: see docs/layouts.md.
        assert (got, storm.asked_for(file)) == (0, 0)
        return
    assert got > 0
    asked = storm.asked.get(file.stat().st_ino, {})
    tried = sum(count for function, count in asked.items() if function.endswith("_trylock"))
    # Whose lock was only tried for may have got none; where nobody tried they are equal.
    assert sum(asked.values()) - tried <= got <= sum(asked.values())


@pytest.mark.parametrize("task", range(TASKS))
def test_sixteen_tasks_on_sixteen_files_lose_nothing(storm: Storm, task: int) -> None:
    file = Path(f"file-{task}").absolute()
    node = exact_storm.cpu_of_task(task) // 2
    assert storm.report.tree_operations(file) == {node: (EACH, 0, EACH)}
    taken = storm.report.total("acquisitions", file, node=node)
    assert taken == 2 * EACH * LOCKS_OF_A_CHANGE


def test_four_nodes_on_one_file_lose_nothing(storm: Storm) -> None:
    file = Path("file-shared").absolute()
    expected = dict.fromkeys(range(SHARERS), (SHARED, 0, SHARED))
    assert storm.report.tree_operations(file) == expected
    taken = 2 * SHARED * SHARERS * LOCKS_OF_A_CHANGE
    assert storm.report.total("acquisitions", file) == taken
    assert storm.asked_for(file) == taken


def test_the_number_of_vmas_is_known_once_the_tree_was_seen_empty(storm: Storm) -> None:
    names = {f"file-{name}" for name in ALONE if name != "truncate"} | {"file-shared"}
    left = {
        (shard["inode"]["name"], shard["vmas"])
        for shard in storm.report.document["shards"]
        # A lock over several trees has no VMAs of its own.
        if shard["inode"] and shard["inode"]["name"] in names and shard["shard"] is not None
    }
    assert left == {(name, 0) for name in names}


def test_the_law_holds_and_nothing_was_lost(storm: Storm) -> None:
    assert storm.report.law() == {"acquisitions": 0, "waits": 0}
    assert storm.report.lost("acquisitions") == 0
    assert storm.report.lost("waits") == 0
    assert storm.report.lost("acquisitions", upper_bounds=True) == 0
    assert storm.report.lost("tree_operations", upper_bounds=True) == 0
