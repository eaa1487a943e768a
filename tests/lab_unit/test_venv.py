# SPDX-License-Identifier: GPL-2.0-or-later
"""The checkout's .venv is made when it is out of date and only then."""

from pathlib import Path

import pytest

from lab import venv

# As `python -m venv` it leaves a copy of itself; as that it pretends to be pip. It notes each call.
STAND_IN = """\
#!/bin/sh
case "$*" in
    -c*) cat "{version}"; exit ;;
    "-m venv"*) for folder; do :; done; rm -rf "$folder"; mkdir -p "$folder/bin"
        cp "$0" "$folder/bin/python" ;;
    *fails.txt*) echo "no such version" >&2; exit 1 ;;
esac
echo "$@" >> "{log}"
"""


class Checkout:
    """A checkout in a folder, and the calls of Python that were made for it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.version = folder / "version"
        self.version.write_text("3.11")
        self.python = folder / "python"
        self.python.write_text(STAND_IN.format(version=self.version, log=self.log))
        self.python.chmod(0o755)
        self.agent = folder / "requirements.txt"
        self.dev = folder / "requirements-dev.txt"
        for file in (self.agent, self.dev, folder / "pyproject.toml"):
            file.touch()

    def calls(self) -> list[str]:
        """Those since the last time."""
        made = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return made


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path)
    monkeypatch.setattr(venv, "CHECKOUT", tmp_path)
    monkeypatch.setattr(venv, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(venv, "PYTHON", made.python)
    monkeypatch.setattr(venv, "AGENT", made.agent)
    monkeypatch.setattr(venv, "DEV", made.dev)
    return made


def test_it_sees_debians_bcc_and_holds_the_locked_versions(checkout: Checkout) -> None:
    venv.make(dev=False)
    made, locked, agent = checkout.calls()
    assert "--system-site-packages" in made
    assert locked.endswith(f"--requirement {checkout.agent}")
    assert "--no-deps" in agent
    assert "--editable" in agent


@pytest.mark.parametrize("dev", [False, True])
def test_what_is_up_to_date_is_left_alone(checkout: Checkout, dev: bool) -> None:
    venv.make(dev)
    checkout.calls()
    venv.make(dev)
    assert checkout.calls() == []


@pytest.mark.parametrize("changed", ["agent", "version"])
def test_it_is_made_anew_for_other_requirements_or_another_python(
    checkout: Checkout, changed: str
) -> None:
    venv.make(dev=True)
    checkout.calls()
    getattr(checkout, changed).write_text("other")
    venv.make(dev=True)
    assert len(checkout.calls()) == 4


def test_what_tests_need_is_added_to_what_is_there(checkout: Checkout) -> None:
    venv.make(dev=False)
    checkout.calls()
    venv.make(dev=True)
    (added,) = checkout.calls()
    assert added.endswith(f"--requirement {checkout.dev}")


def test_what_failed_is_told_and_tried_again(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = checkout.agent.with_name("fails.txt")
    failing.touch()
    monkeypatch.setattr(venv, "AGENT", failing)
    for _ in range(2):
        assert venv.main([]) == 1
        assert "no such version" in capsys.readouterr().err


def test_wrong_usage_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert venv.main(["--developer"]) == 2
    assert capsys.readouterr().err == "venv: usage: python3 -m lab.venv [--dev]\n"
