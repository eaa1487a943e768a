# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file of a table can be told from every other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from immapscope.grouping import identity
from immapscope.outputs.files import labels
from immapscope.snapshot import Inode
from immapscope.who import parse_who
from tests.outputs.strategies import inodes


def labels_of(*files: Inode) -> list[str]:
    found = labels(files)
    return [found[identity(file)] for file in files]


def test_a_file_goes_by_its_name() -> None:
    assert labels_of(Inode("254:0", 1, 0, "libc.so.6")) == ["libc.so.6"]


def test_a_file_without_a_name_goes_by_its_number() -> None:
    (label,) = labels_of(Inode("254:0", 17, 0, None))
    assert label == "254:0:17"
    assert parse_who(label).matches(Inode("254:0", 17, 0, None))


def test_namesakes_add_their_numbers() -> None:
    assert labels_of(Inode("254:0", 1, 0, "app"), Inode("0:41", 9, 0, "app", "/a/app")) == [
        "app [254:0:1]",
        "app [0:41:9]",
    ]


def test_namesakes_whose_paths_are_known_go_by_them() -> None:
    assert labels_of(
        Inode("254:0", 1, 0, "app", "/a/app"), Inode("254:0", 2, 0, "app", "/b/a\npp")
    ) == ["/a/app", r"/b/a\x0app"]


def test_a_number_used_again_adds_its_generation() -> None:
    assert labels_of(Inode("254:0", 1, 7, "app", deleted=True), Inode("254:0", 1, 8, "app")) == [
        "app [254:0:1 generation 7] (deleted)",
        "app [254:0:1 generation 8]",
    ]


@given(st.lists(inodes, unique_by=identity))
def test_labels_are_printable_and_no_two_namesakes_are_alike(files: list[Inode]) -> None:
    found = labels_of(*files)
    assert all(label.isprintable() for label in found)
    assert len(set(found)) == len(found)
