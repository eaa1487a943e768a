# SPDX-License-Identifier: GPL-2.0-or-later
"""A path means the file whose lock its mappings take, whatever stat() says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from immapscope.snapshot import Mode, Snapshot
from immapscope.tracing.request import Request
from immapscope.tracing.target import Target
from immapscope.who import parse_who
from tests.tracing.counted import DEVICE, Counted
from tests.tracing.fakes import FakeSession

LIBC = "/usr/lib/libc.so.6"


@pytest.fixture
def counted() -> Counted:
    """Slot 1 is libc's, slot 2 the loader's; each was taken once."""
    counted = Counted()
    for slot, name in ((1, b"libc.so.6"), (2, b"ld-linux-x86-64.so.2")):
        counted.name(slot, name)
        counted.free(slot, 0)
    return counted


def seen(
    counted: Counted, *whos: str, learnt: Mapping[bytes, tuple[int, int]] | None = None
) -> Snapshot:
    session = FakeSession(counted, learnt=learnt)
    target = Target(session.as_session(), [parse_who(who) for who in whos])
    target.open()
    return target.close()


def names(snapshot: Snapshot) -> set[str | None]:
    return {row.inode.name for row in snapshot.rows if row.inode}


def paths(snapshot: Snapshot) -> set[str | None]:
    return {row.inode.path for row in snapshot.rows if row.inode}


def test_without_who_every_file_is_meant(counted: Counted) -> None:
    snapshot = seen(counted)
    assert names(snapshot) == {"libc.so.6", "ld-linux-x86-64.so.2"}
    assert snapshot.notes == ()


def test_a_snapshot_tells_of_kernel_and_machine(counted: Counted) -> None:
    kernel = seen(counted).kernel
    assert kernel.release.startswith("6.12.")
    assert (kernel.layout, kernel.shards, kernel.shard_policy) == ("single", 1, None)
    assert (kernel.attach, kernel.nodes, kernel.cpus) == ("mixed", 2, 4)


def test_a_base_name_is_matched_by_the_name_that_was_seen(counted: Counted) -> None:
    assert names(seen(counted, "ld.so")) == {"ld-linux-x86-64.so.2"}


def test_a_path_is_the_inode_that_the_kernel_shows(counted: Counted) -> None:
    snapshot = seen(counted, LIBC, learnt={LIBC.encode(): (DEVICE, 1001)})
    assert names(snapshot) == {"libc.so.6"}
    assert paths(snapshot) == {LIBC}


def test_a_path_of_bytes_that_are_no_text_is_looked_up_byte_for_byte(counted: Counted) -> None:
    path = b"/srv/\xff"
    snapshot = seen(counted, os.fsdecode(path), learnt={path: (DEVICE, 1002)})
    assert names(snapshot) == {"ld-linux-x86-64.so.2"}


def test_the_kernels_word_wins_over_that_of_stat(counted: Counted, tmp_path: Path) -> None:
    # As on overlayfs: stat() names an inode of the merged file system.
    merged = tmp_path / "merged"
    merged.touch()
    counted.name(3, b"merged", number=merged.stat().st_ino, device=device_of(merged))
    counted.free(3, 0)
    snapshot = seen(counted, str(merged), learnt={os.fsencode(merged): (DEVICE, 1001)})
    assert names(snapshot) == {"libc.so.6"}


def device_of(path: Path) -> int:
    device = path.stat().st_dev
    return os.major(device) << 20 | os.minor(device)


def test_a_path_that_comes_into_being_during_the_session_is_found(
    counted: Counted, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    session = FakeSession(counted)
    target = Target(session.as_session(), [parse_who(str(later))])
    target.open()
    assert names(target.read()) == set()
    later.touch()
    counted.name(3, b"later", number=later.stat().st_ino, device=device_of(later))
    counted.free(3, 0)
    snapshot = target.close()
    assert (names(snapshot), paths(snapshot)) == ({"later"}, {str(later)})


@pytest.mark.parametrize("who", ["libz.so", "/gone", "254:0:77", "[x]*"])
def test_a_who_that_meant_nothing_is_noted_and_no_error(counted: Counted, who: str) -> None:
    snapshot = seen(counted, who, "libc.so")
    assert names(snapshot) == {"libc.so.6"}
    assert snapshot.notes == (f"--inode {who}: no lock of such a file was seen",)


def test_a_file_whose_tree_alone_changed_was_seen() -> None:
    counted = Counted()
    counted.name(1, b"libc.so.6")
    counted.changed_tree(1, 0, inserts=1)
    session = FakeSession(counted, request=Request(Mode.CONTENTION))
    assert Target(session.as_session(), [parse_who("libc.so")]).close().notes == ()
