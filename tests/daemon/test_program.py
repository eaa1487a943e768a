# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent that was upgraded under a running service is not reloaded into it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from immapscope.daemon.program import Program
from immapscope.errors import CannotTraceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "immapscope"
    (package / "tracing").mkdir(parents=True)
    (package / "tracing/handover.py").write_text("one\n")
    return package


def test_the_agent_as_it_was_is_no_reason(folder: Path) -> None:
    program = Program(folder)
    (folder / "tracing/__pycache__").mkdir()
    (folder / "tracing/__pycache__/handover.cpython-313.pyc").touch()
    program.check()


def test_a_file_that_was_written_is_told(folder: Path) -> None:
    program = Program(folder)
    (folder / "tracing/handover.py").write_text("two, which is longer\n")
    with pytest.raises(CannotTraceError, match="restart it: systemctl restart immapscope"):
        program.check()


def test_a_folder_that_was_replaced_by_the_same_is_told(folder: Path) -> None:
    program = Program(folder)
    shutil.copytree(folder, folder.with_name("new"))
    folder.rename(folder.with_name("old"))
    folder.with_name("new").rename(folder)
    with pytest.raises(CannotTraceError):
        program.check()


def test_while_it_is_being_replaced_it_is_another(folder: Path) -> None:
    program = Program(folder)
    shutil.rmtree(folder)
    with pytest.raises(CannotTraceError):
        program.check()
