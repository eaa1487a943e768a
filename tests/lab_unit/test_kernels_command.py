# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels can be had before a guest asks for them."""

from pathlib import Path

import pytest

from lab import kernels
from lab.errors import LabError
from lab.kernel import Kernel
from lab.kernels import __main__ as command


def test_each_is_named_with_its_release(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "find", lambda name: Kernel(f"6.12-{name}", Path(name), None))
    assert command.main(["split", "single"]) == 0
    assert capsys.readouterr().out == "split = 6.12-split\nsingle = 6.12-single\n"


def test_what_is_no_kernel_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["splitt"]) == 2
    assert "unknown kernel splitt" in capsys.readouterr().err


def test_what_does_not_build_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> Kernel:
        raise LabError("the kernel does not build")

    monkeypatch.setattr(kernels, "find", broken)
    assert command.main(["split"]) == 70
    assert capsys.readouterr().err == "kernels: the kernel does not build\n"
