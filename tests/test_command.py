# SPDX-License-Identifier: GPL-2.0-or-later
"""COMMAND is refused before anything is attached where execvp would refuse it at first sight."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from immapscope.command import CommandFailedError, look_for, start


@pytest.fixture(autouse=True)
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of PATH, and one beside it."""
    for name in ("first", "second", "beside"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/first:{tmp_path}/absent:{tmp_path}/second")
    monkeypatch.chdir(tmp_path / "beside")
    return tmp_path


def program(path: Path, mode: int = 0o755) -> Path:
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(mode)
    return path


def refusal(*command: str) -> tuple[int, str]:
    """What `look_for` says; what starting it says must be the same."""
    with pytest.raises(CommandFailedError) as looked:
        look_for(command)
    with pytest.raises(CommandFailedError) as started:
        start(command)
    assert (looked.value.status, str(looked.value)) == (started.value.status, str(started.value))
    return int(looked.value.status), str(looked.value)


def test_none_is_none() -> None:
    look_for([])
    assert start([]) is None


@pytest.mark.parametrize("folder", ["first", "second"])
def test_one_on_the_path_is_found(search: Path, folder: str) -> None:
    program(search / folder / "known")
    look_for(["known", "--help"])
    process = start(["known"])
    assert isinstance(process, subprocess.Popen)
    assert process.wait() == 3


def test_one_that_may_not_run_hides_none_behind_it(search: Path) -> None:
    program(search / "first" / "known", 0o644)
    program(search / "second" / "known")
    look_for(["known"])


@pytest.mark.parametrize("name", ["./here", "../beside/here"])
def test_a_slash_makes_it_a_path(search: Path, name: str) -> None:
    program(search / "beside" / "here")
    look_for([name])


def test_one_beside_the_path_is_not_found(search: Path) -> None:
    program(search / "beside" / "here")
    assert refusal("here") == (127, "cannot run 'here': No such file or directory")


def test_one_that_is_nowhere_is_127() -> None:
    assert refusal("/nowhere/command")[0] == 127
    assert refusal("a\x1b[31mb\udcff") == (
        127, "cannot run 'a\\x1b[31mb\\udcff': No such file or directory",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["/etc/passwd", "/etc", "/etc/passwd/below"])
def test_what_is_no_program_is_126(name: str) -> None:
    assert refusal(name)[0] == 126


def test_one_on_the_path_that_may_not_run_is_126(search: Path) -> None:
    program(search / "second" / "known", 0o644)
    (search / "first" / "folder").mkdir()
    assert refusal("known") == (126, "cannot run 'known': Permission denied")
    assert refusal("folder")[0] == 126
    assert refusal("x" * 300)[0] == 126
