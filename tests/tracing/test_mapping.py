# SPDX-License-Identifier: GPL-2.0-or-later
"""A file is mapped once to learn whose lock it is; nothing but a file is opened for that."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from immapscope.tracing import counters as layouts
from immapscope.tracing import mapping


@pytest.fixture
def control() -> layouts.Structs:
    """What the session's programs look at."""
    return np.zeros(1, layouts.CONTROL)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("contents", [b"", b"x", b"x" * 10_000])
def test_a_file_of_any_length_is_mapped_while_this_process_teaches(
    tmp_path: Path,
    control: layouts.Structs,
    contents: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "file"
    file.write_bytes(contents)
    teaching: list[int] = []
    map_it = mapping._map

    def mapped(descriptor: int) -> None:
        teaching.append(int(control["learner"][0]))
        assert os.fstat(descriptor).st_ino == file.stat().st_ino
        map_it(descriptor)

    monkeypatch.setattr(mapping, "_map", mapped)
    before = descriptors()
    mapping.map_once(os.fsencode(file), control)
    assert teaching == [os.getpid()]
    assert int(control["learner"][0]) == 0
    assert descriptors() == before


def test_a_link_leads_to_its_file(tmp_path: Path, control: layouts.Structs) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    mapping.map_once(os.fsencode(tmp_path / "link"), control)


def test_a_name_may_be_any_bytes(tmp_path: Path, control: layouts.Structs) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\n*"
    os.close(os.open(name, os.O_CREAT))
    mapping.map_once(name, control)


def test_what_is_not_there_is_an_error_of_the_system(
    tmp_path: Path, control: layouts.Structs
) -> None:
    with pytest.raises(FileNotFoundError):
        mapping.map_once(os.fsencode(tmp_path / "gone"), control)


@pytest.mark.parametrize("what", ["fifo", "folder", "/dev/null"])
def test_nothing_but_files_is_opened(
    tmp_path: Path, control: layouts.Structs, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    flags: list[int] = []
    really_open = os.open

    def opened(path: bytes | str, how: int) -> int:
        flags.append(how)
        return really_open(path, how)

    monkeypatch.setattr("immapscope.tracing.mapping.os.open", opened)
    before = descriptors()
    with pytest.raises(OSError, match="neither a regular file nor a block device"):
        mapping.map_once(os.fsencode(tmp_path / what), control)
    assert [how & os.O_PATH for how in flags] == [os.O_PATH]
    assert descriptors() == before
