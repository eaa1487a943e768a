# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and numbers mean the files that processes have mapped when a session begins."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from immapscope.tracing.mapped import MOST, mapped_files
from immapscope.who import parse_who


class Proc:
    """A /proc of made-up processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "self").mkdir()
        (folder / "version").touch()

    def has(self, pid: int, *lines: bytes) -> None:
        (self.folder / str(pid)).mkdir()
        (self.folder / str(pid) / "maps").write_bytes(b"".join(line + b"\n" for line in lines))

    def found(self, *whos: str) -> set[str]:
        paths = mapped_files([parse_who(who) for who in whos], self.folder)
        return {os.fsdecode(path).removeprefix(f"{self.folder}/") for path in paths}


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


LIBC = b"7f0000001000-7f0000002000 r-xp 00001000 fe:00 1234       /usr/lib/libc.so.6"


def test_a_name_means_what_it_means_elsewhere(proc: Proc) -> None:
    proc.has(7, LIBC, b"7f0000009000-7f000000a000 r--p 0 fe:00 99    /usr/lib/libcrypto.so.3")
    assert proc.found("libc.so") == {"7/map_files/7f0000001000-7f0000002000"}
    assert proc.found("libc*") == {
        "7/map_files/7f0000001000-7f0000002000", "7/map_files/7f0000009000-7f000000a000",
    }  # fmt: skip


def test_a_file_is_found_once_however_often_it_is_mapped(proc: Proc) -> None:
    proc.has(7, LIBC, LIBC.replace(b"7f00", b"7e00"))
    proc.has(8, LIBC)
    assert len(proc.found("libc.so")) == 1


def test_a_number_is_compared_in_decimal(proc: Proc) -> None:
    proc.has(7, LIBC)
    assert len(proc.found("254:0:1234")) == 1
    assert proc.found("254:0:123", "0:254:1234") == set()


def test_of_a_program_at_a_low_address_the_link_has_no_zeros(proc: Proc) -> None:
    proc.has(7, b"00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon")
    assert proc.found("dbus-daemon") == {"7/map_files/400000-452000"}


@pytest.mark.parametrize(
    ("shown", "name"),
    [(b"a b", "a b"), (rb"a\012b", "a\nb"), (b"\xff", "\udcff"), (b"gone (deleted)", "gone")],
)
def test_hostile_names_are_read_as_the_kernel_writes_them(
    proc: Proc, shown: bytes, name: str
) -> None:
    proc.has(7, b"1000-2000 r--p 0 fe:00 5 /tmp/" + shown)
    assert proc.found(name) == {"7/map_files/1000-2000"}


def test_what_is_no_file_is_passed_over(proc: Proc) -> None:
    proc.has(7, b"1000-2000 rw-p 0 00:00 0", b"2000-3000 rw-p 0 00:00 0   [stack]", b"nonsense")
    (proc.folder / "8").mkdir()
    assert proc.found("*") == set()


def test_a_path_is_found_otherwise(proc: Proc) -> None:
    proc.has(7, LIBC)
    assert proc.found("/usr/lib/libc.so.6") == set()


def test_a_glob_that_means_everything_has_an_end(proc: Proc) -> None:
    proc.has(7, *(b"1000-2000 r--p 0 fe:00 %d /tmp/%d" % (n, n) for n in range(1, MOST + 9)))
    paths = list(mapped_files([parse_who("*")], proc.folder))
    assert len(paths) == MOST


def test_this_process_is_there_with_what_it_maps(tmp_path: Path) -> None:
    file = tmp_path / "mapped-here"
    file.write_bytes(b"x")
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 1, prot=mmap.PROT_READ):
        (path,) = mapped_files([parse_who("mapped-here")])
        assert os.path.samefile(path, file)
