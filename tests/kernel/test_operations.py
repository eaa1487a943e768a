# SPDX-License-Identifier: GPL-2.0-or-later
"""No function that takes an i_mmap lock is unknown, in any of the three series."""

import pytest

from immapscope.kernel.operations import OPERATIONS
from immapscope.kernel.words import Operation
from tests.kernel.saved import DATA

# A kernel without an MMU, and a lock of no file taken once at boot (see operations.py).
OUTSIDE = {"mm/nommu.c", "drivers/dma-buf/dma-resv.c"}


def lock_sites(release: str) -> list[str]:
    """The functions that tests/data/lock_sites.py found in the source of that release."""
    lines = (DATA / "lock_sites" / f"{release}.txt").read_text().splitlines()
    sites = [line.split() for line in lines]
    return [function for file, function in sites if file not in OUTSIDE]


@pytest.mark.parametrize("release", ["6.1", "6.12", "7.3"])
def test_every_function_that_takes_the_lock_has_an_operation(release: str) -> None:
    sites = lock_sites(release)
    assert len(sites) > 25
    assert [function for function in sites if function not in OPERATIONS] == []


@pytest.mark.parametrize(
    ("function", "around"),
    [
        ("vma_link_file", ["vma_link", "__mmap_region", "copy_vma", "insert_vm_struct"]),
        ("dup_mmap", ["dup_mm", "copy_mm", "copy_process"]),
        ("unlink_file_vma_batch_process", ["unlink_file_vma_batch_add"]),
        ("vma_prepare", ["__split_vma", "commit_merge", "vma_expand", "vma_shrink"]),
        ("take_rmap_locks", ["move_ptes", "move_page_tables"]),
        ("vm_lock_mapping", ["mm_take_all_locks"]),
        ("retract_page_tables", ["collapse_file", "khugepaged", "madvise_collapse"]),
        ("hugetlb_vmtruncate", ["hugetlbfs_setattr"]),
        ("__hugetlb_zap_begin", ["unmap_vmas", "zap_page_range_single"]),
        ("build_map_info", ["register_for_each_vma"]),
        ("__rmap_walk_file", ["rmap_walk", "try_to_unmap", "folio_referenced"]),
    ],
)
def test_what_a_function_may_be_folded_into_does_the_same(function: str, around: list[str]) -> None:
    assert {OPERATIONS[name] for name in around} == {OPERATIONS[function]}


def test_every_operation_but_other_can_be_met() -> None:
    assert set(OPERATIONS.values()) == set(Operation) - {Operation.OTHER}
