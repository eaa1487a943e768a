# SPDX-License-Identifier: GPL-2.0-or-later
"""make demo says what it does and how long it takes, and its guest's status is its own."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import cli, demo
from lab.errors import LabError
from lab.workloads import build


class Lab:
    """Notes what lab/vm is asked and answers with a status."""

    def __init__(self) -> None:
        self.status = 0
        self.words: Sequence[str] = ()

    def vm(self, words: Sequence[str]) -> int:
        self.words = words
        return self.status


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "133")
    monkeypatch.setattr(cli, "main", made.vm)
    monkeypatch.setattr(build, "build", lambda name: Path("/built") / name)
    return made


def test_the_storm_is_traced_in_a_guest_with_the_kernel_that_was_named(lab: Lab) -> None:
    assert demo.main(["--kernel", "stock-7.x"]) == 0
    options, command = lab.words[: -lab.words[::-1].index("--") - 1], lab.words[-1]
    assert list(options[:4]) == ["--kernel", "stock-7.x", "--topology", "4x2"]
    assert "/built/execstorm" in options
    assert demo.TRACED in command


def test_the_table_is_as_wide_as_the_terminal(lab: Lab) -> None:
    demo.main([])
    assert "stty cols 133 " in lab.words[-1]
    # One word for the shell that `script` starts.
    assert shlex.split(lab.words[-1])[:2] == ["script", "-qec"]


def test_a_first_run_is_told_to_take_longer(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main([])
    said = capsys.readouterr().err
    assert "four minutes this first time" in said
    assert str(tmp_path / "cache") in said
    (tmp_path / "cache/image").mkdir(parents=True)
    demo.main([])
    assert "about a minute" in capsys.readouterr().err


def test_what_to_do_next_is_told_after_a_table_only(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main([])
    assert "make venv" in capsys.readouterr().err
    lab.status = 124
    assert demo.main([]) == 124
    assert "make venv" not in capsys.readouterr().err


def test_without_the_storm_there_is_no_demo(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_compiler(name: str) -> Path:
        raise LabError("gcc is missing")

    monkeypatch.setattr(build, "build", no_compiler)
    assert demo.main([]) == 70
    assert capsys.readouterr().err.endswith("demo: gcc is missing\n")
    assert lab.words == ()
