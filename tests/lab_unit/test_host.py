# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine lacks is told with Debian's package for it, and nothing is installed unasked."""

from pathlib import Path

import pytest

from lab import host


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no program is found."""
    monkeypatch.setattr(host, "PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("os_release", "verdict"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ('ID=debian\nVERSION_ID="13"\n', True),
        ('PRETTY_NAME="Debian GNU/Linux trixie/sid"\nID=debian\n', True),
        ('ID=debian\nVERSION_ID="11"\n', False),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', False),
        ('ID=debian\nVERSION_ID="odd"\n', False),
        ("", False),
    ],
)
def test_packages_are_debians_own_from_release_12_on(os_release: str, verdict: bool) -> None:
    assert host.is_debian(os_release) is verdict


@pytest.mark.usefixtures("no_programs")
def test_each_missing_program_is_named_with_its_package() -> None:
    missing = host.missing(["lab"])
    assert missing["debugfs"] == "e2fsprogs"
    assert host.PROGRAMS.items() <= missing.items()


@pytest.mark.usefixtures("no_programs")
def test_a_machine_to_be_traced_needs_nothing_that_guests_are_made_with() -> None:
    assert not set(host.PROGRAMS) & set(host.missing(["trace"]))


@pytest.mark.usefixtures("no_programs")
def test_a_package_is_installed_once_however_many_programs_it_brings() -> None:
    packages = host.missing_packages(["lab"])
    assert packages.count("e2fsprogs") == 1
    assert packages == sorted(packages)


@pytest.mark.usefixtures("no_programs")
def test_unasked_it_only_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert host.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "mmdebstrap" in said
    assert "as root: apt-get install" in said or "on Debian 12 or newer" in said


def test_what_is_no_purpose_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert host.main(["--install", "everything"]) == 2
    assert capsys.readouterr().err.startswith("lab: usage: ")
