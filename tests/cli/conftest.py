# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, called in this process, on machines that can or cannot be traced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from immapscope.cli import main
from immapscope.preflight import Check, Verdict
from tests.cli.machines import Command, Result, Traced, traceable


@pytest.fixture
def immapscope(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line with these words."""

    def run(*words: str | bytes | Path) -> Result:
        with pytest.raises(SystemExit) as ended:
            main([os.fsdecode(word) for word in words])
        captured = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return Result(int(status), captured.out, captured.err)

    return run


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Traced:
    """A machine on which tracing works."""
    return traceable(monkeypatch)


@pytest.fixture
def untraceable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two blockers."""
    checks = (
        Check("privileges", False, "user 1000", "run as root: sudo immapscope ..."),
        Check("BTF", False, "no such file", "boot another kernel"),
    )
    monkeypatch.setattr("immapscope.preflight.inspect", lambda kprobes: Verdict(checks, None))
