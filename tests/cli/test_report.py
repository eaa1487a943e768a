# SPDX-License-Identifier: GPL-2.0-or-later
"""`record` and `report`: what is refused before anything is traced, and what a recording prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.machines import Command
from tests.recording.made import records, storm, write


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "storm.parquet"
    write(path, [records(storm(3, 400))])
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "file"),
        (("--by", "inode"), "libc.so.6"),
        (("--format", "csv"), "libc.so.6,"),
    ],
)
def test_it_prints_what_trace_would(
    immapscope: Command, recording: Path, options: tuple[str, ...], said: str
) -> None:
    result = immapscope("report", recording, *options)
    assert (result.status, result.err) == (0, "")
    assert said in result.out


def test_only_the_file_that_was_asked_for(immapscope: Command, recording: Path) -> None:
    result = immapscope("report", recording, "--inode", "libc.so", "--format", "json")
    document = json.loads(result.out)
    assert {row["inode"]["name"] for row in document["rows"]} == {"libc.so.6"}


def test_it_goes_where_it_is_sent(immapscope: Command, recording: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert immapscope("report", recording, "--format", "json", "--output", output).status == 0
    assert json.loads(output.read_text())["schema"] == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("report",), "Missing argument 'FILE'"),
        (("report", "/nowhere"), "'/nowhere' is no recording: No such file or directory"),
        (("report", "FILE", "--inode", "/lib/libc.so.6"), "a recording knows no paths"),
        (("report", "FILE", "--format", "folded", "--top", "3"), "--format folded has no rows"),
        (("report", "FILE", "--output", "/nowhere/out"), "No such file or directory"),
        (("record",), "Missing option '-o'"),
        (("record", "-o", "/nowhere/file"), "No such file or directory"),
        (("record", "-o", "/dev/null"), "a recording needs a file"),
        (("record", "-o", "file", "--buffer", "0"), "--buffer"),
        (("record", "-o", "file", "--stacks", "some"), "--stacks"),
        (("record", "-o", "file", "--duration", "0"), "--duration"),
    ],
)
def test_bad_usage_is_one_line(
    immapscope: Command,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = immapscope(*(str(recording) if word == "FILE" else word for word in words))
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert why in line


def test_a_file_that_was_made_for_nothing_is_taken_away(
    immapscope: Command, untraceable: None, tmp_path: Path
) -> None:
    assert immapscope("record", "-o", tmp_path / "file").status == 3
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_it_says_what_to_install(
    immapscope: Command, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = immapscope("report", recording)
    assert result.status == 2
    assert "pip install 'immapscope[recording]'" in result.err
