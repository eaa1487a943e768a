# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong usage of lab/vm is one line on stderr and status 2, before anything is fetched or built."""

from pathlib import Path

import pytest

from lab import cli


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no COMMAND"),
        (["uname"], "unrecognized arguments: uname"),
        (["--kernel", "nope", "--", "true"], "unknown kernel nope; known: stock-6.1"),
        (["--topology", "2", "--", "true"], "topology '2'"),
        (["--memory", "much", "--", "true"], "memory 'much'"),
        (["--timeout", "0", "--", "true"], "--timeout"),
        (["--timeout", "nan", "--", "true"], "--timeout"),
        (["--file", "/no/such", "--", "true"], "no file /no/such"),
        (["--bogus", "--", "true"], "unrecognized arguments: --bogus"),
        (["--init", "openrc", "--", "true"], "invalid choice: 'openrc'"),
        (["--forward", "9100", "--", "true"], "forward '9100' is not HOST:GUEST"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("lab: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "cache").exists()


def test_list_names_a_kernel_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--list"]) == 0
    assert {"stock-6.1", "stock-6.12", "stock-7.x"} <= set(capsys.readouterr().out.splitlines())
