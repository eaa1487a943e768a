# SPDX-License-Identifier: GPL-2.0-or-later
"""WHO means files; a path means the file whose lock its mappings take, whenever it comes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from immapscope.errors import UsageError
from immapscope.snapshot import Inode
from immapscope.tracing.wanted import Wanted
from immapscope.who import parse_who
from tests.synthetic import LIBC, LOADER, exec_storm
from tests.tracing.counted import DEVICE


class Kernel:
    """What the kernel shows of paths, and which it was asked for."""

    def __init__(self, learnt: Mapping[str, tuple[int, int] | None]) -> None:
        self._learnt = {os.fsencode(path): file for path, file in learnt.items()}
        self.asked: list[bytes] = []

    def learn(self, path: bytes) -> tuple[int, int] | None:
        self.asked.append(path)
        if path not in self._learnt:
            raise FileNotFoundError(2, "No such file or directory")
        return self._learnt[path]


def wanted(*whos: str, learnt: Mapping[str, tuple[int, int] | None] | None = None) -> Wanted:
    return Wanted([parse_who(who) for who in whos], Kernel(learnt or {}).learn)


def inode_of(path: Path) -> Inode:
    """As stat() knows it."""
    found = path.stat()
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    return Inode(device, found.st_ino, 0, path.name)


def means(of: Wanted, inode: Inode) -> bool:
    matches = of.now().matches
    assert matches is not None
    return matches(inode)


def test_without_who_every_file_is_meant() -> None:
    now = wanted().now()
    assert now.matches is None
    assert now.paths == {}
    assert list(now.unseen(exec_storm())) == []


def test_any_of_several_is_meant() -> None:
    both = wanted("libc.so", f"{LOADER.device}:{LOADER.number}")
    assert means(both, LIBC)
    assert means(both, LOADER)
    assert not means(both, Inode("254:0", 1, 7, "bash"))


def test_a_path_is_the_file_that_the_kernel_showed() -> None:
    of_path = wanted("/lib/libc.so.6", learnt={"/lib/libc.so.6": (DEVICE, LIBC.number)})
    assert means(of_path, LIBC)
    assert not means(of_path, LOADER)
    assert of_path.now().paths == {("254:0", LIBC.number): "/lib/libc.so.6"}


def test_and_not_the_one_of_stat_where_the_two_differ(tmp_path: Path) -> None:
    # As on overlayfs.
    file = tmp_path / "bash"
    file.touch()
    of_path = wanted(str(file), learnt={str(file): (DEVICE, 77)})
    assert means(of_path, Inode("254:0", 77, 7))
    assert not means(of_path, inode_of(file))


def test_the_kernel_is_asked_once_and_in_bytes() -> None:
    kernel = Kernel({})
    of_path = Wanted([parse_who("/srv/\udcff\u00e9"), parse_who("libc.so")], kernel.learn)
    of_path.now()
    of_path.now()
    assert kernel.asked == [b"/srv/\xff\xc3\xa9"]


def test_a_path_may_come_into_being_later_and_go_again(tmp_path: Path) -> None:
    file = tmp_path / "later"
    of_path = wanted(str(file))
    assert of_path.now().paths == {}
    assert not means(of_path, LIBC)
    file.touch()
    found = inode_of(file)
    assert means(of_path, found)
    assert of_path.now().paths == {(found.device, found.number): str(file)}
    file.unlink()
    assert of_path.now().paths == {}


def test_a_path_that_the_kernel_showed_nothing_of_is_the_file_of_stat(tmp_path: Path) -> None:
    file = tmp_path / "fifo"
    os.mkfifo(file)
    assert means(wanted(str(file), learnt={str(file): None}), inode_of(file))


def test_whoever_meant_nothing_that_was_seen_is_named() -> None:
    of_all = wanted("libc.so", "bash", "/nowhere", "*.so.2", "254:0:99")
    assert list(of_all.now().unseen(exec_storm())) == [
        "--inode bash: no lock of such a file was seen",
        "--inode /nowhere: no lock of such a file was seen",
        "--inode 254:0:99: no lock of such a file was seen",
    ]


def test_what_no_file_can_be_called_never_gets_here() -> None:
    with pytest.raises(UsageError):
        wanted("/srv/\0")


def test_what_is_mapped_already_is_learnt_though_some_of_it_has_gone() -> None:
    kernel = Kernel({"/proc/1/map_files/1-2": (DEVICE, LIBC.number)})
    mapped = [b"/proc/9/map_files/1-2", b"/proc/1/map_files/1-2"]
    of_name = Wanted([parse_who("libc.so")], kernel.learn, mapped)
    assert kernel.asked == mapped
    assert means(of_name, LIBC)
