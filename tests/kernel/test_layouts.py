# SPDX-License-Identifier: GPL-2.0-or-later
"""A layout is recognised by its shape, and nothing untrue is said of one that is not."""

import pytest

from immapscope.kernel.layouts import Layout, detect
from immapscope.kernel.layouts.shape import TreeArray
from tests.kernel.saved import SavedKernel


def test_stock_kernels_have_one_tree_and_one_lock(stock: SavedKernel) -> None:
    shape = detect(stock.btf)
    assert shape is not None
    assert (shape.layout, shape.shards, shape.trees) == (Layout.SINGLE, 1, None)
    assert shape.offsets.keys() == {"OFF_MAPPING_I_MMAP", "OFF_MAPPING_I_MMAP_RWSEM"}


@pytest.mark.parametrize(
    ("name", "layout", "trees", "offsets"),
    [
        (
            "tree-only",
            Layout.TREE_ONLY,
            TreeArray(inside=False, pointers=False, stride=16, count=None),
            {
                "OFF_MAPPING_I_MMAP": 8,
                "OFF_MAPPING_I_MMAP_RWSEM": 16,
                "OFF_TREE_ROOT": 0,
                "OFF_VMA_TREE_IDX": 24,
                "SIZE_VMA_TREE_IDX": 4,
            },
        ),
        (
            "pointer-array",
            Layout.TREE_ONLY,
            TreeArray(inside=True, pointers=True, stride=8, count=16),
            {
                "OFF_MAPPING_I_MMAP": 8,
                "OFF_MAPPING_I_MMAP_RWSEM": 136,
                "OFF_TREE_ROOT": 8,
                "OFF_VMA_TREE_IDX": 24,
                "SIZE_VMA_TREE_IDX": 1,
            },
        ),
        (
            "split",
            Layout.SPLIT,
            TreeArray(inside=False, pointers=True, stride=8, count=None),
            {
                "OFF_MAPPING_I_MMAP": 8,
                "OFF_TREE_ROOT": 0,
                "OFF_TREE_RWSEM": 16,
                "OFF_VMA_TREE_IDX": 24,
                "SIZE_VMA_TREE_IDX": 4,
            },
        ),
        (
            "inverted",
            Layout.INVERTED,
            TreeArray(inside=True, pointers=False, stride=32, count=8),
            {
                "OFF_MAPPING_I_MMAP": 24,
                "OFF_MAPPING_I_MMAP_RWSEM": 8,
                "OFF_TREE_ROOT": 16,
                "OFF_TREE_RWSEM": 0,
            },
        ),
    ],
)
def test_several_trees_are_recognised(
    name: str, layout: Layout, trees: TreeArray, offsets: dict[str, int]
) -> None:
    shape = detect(SavedKernel(name).btf)
    assert shape is not None
    assert shape.layout is layout
    assert shape.trees == trees
    assert shape.shards == trees.count
    assert shape.offsets == offsets


@pytest.mark.parametrize("name", ["unknown", "other-lock", "strange"])
def test_another_kind_of_lock_or_tree_is_no_layout_that_we_know(name: str) -> None:
    assert detect(SavedKernel(name).btf) is None


@pytest.mark.parametrize("name", ["lock-debugging", "preempt-rt"])
def test_how_a_rwsem_is_built_does_not_change_the_layout(name: str) -> None:
    shape = detect(SavedKernel(name).btf)
    assert shape is not None
    assert shape.layout is Layout.SINGLE
