# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope daemon` finds its configuration, checks it, or becomes the service."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.machines import Command


class BecameError(Exception):
    """This process would be another program now."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Sequence[str]]]:
    """The programs that this process became: their files and their words."""
    programs: list[tuple[str, Sequence[str]]] = []

    def execve(file: str, words: Sequence[str], environment: object) -> None:
        programs.append((file, words))
        raise BecameError

    monkeypatch.setattr(os, "execve", execve)
    return programs


@pytest.fixture
def usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a configuration is looked for; there is none yet."""
    path = tmp_path / "usual" / "config.yaml"
    path.parent.mkdir()
    monkeypatch.setattr("immapscope.cli.daemon.USUAL_PLACE", path)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration in another place."""
    path = tmp_path / "config.yaml"
    path.write_text("interval: 30s\n")
    return path


# --check.


def test_a_good_configuration_is_fine(immapscope: Command, config: Path) -> None:
    result = immapscope("--config", config, "daemon", "--check")
    assert (result.status, result.out, result.err) == (0, f"{config}: fine\n", "")


def test_every_problem_of_a_bad_one_has_its_line(immapscope: Command, config: Path) -> None:
    config.write_text("interval: soon\nmodus: full\n")
    result = immapscope("--config", config, "daemon", "--check")
    assert result.status == 2
    first, second = result.out.splitlines()
    assert first.startswith(f"{config}:1: ")
    assert second.startswith(f"{config}:2: unknown key 'modus'")


def test_the_usual_place_is_looked_at_where_no_other_is_named(
    immapscope: Command, usual_place: Path
) -> None:
    usual_place.write_text("interval: 30s\n")
    assert immapscope("daemon", "--check").out == f"{usual_place}: fine\n"


def test_where_there_is_none_the_defaults_are_taken(immapscope: Command, usual_place: Path) -> None:
    result = immapscope("daemon", "--check")
    assert (result.status, result.out) == (0, "no configuration file: the defaults\n")


def test_a_configuration_that_was_named_must_be_there(
    immapscope: Command, usual_place: Path, tmp_path: Path
) -> None:
    usual_place.write_text("interval: 30s\n")
    result = immapscope("--config", tmp_path / "gone.yaml", "daemon", "--check")
    assert result.status == 2
    assert "gone.yaml" in result.out


def test_to_check_is_not_to_serve(
    immapscope: Command, config: Path, became: list[tuple[str, Sequence[str]]]
) -> None:
    immapscope("--config", config, "daemon", "--check")
    assert became == []


# Without it.


def words_of(became: list[tuple[str, Sequence[str]]]) -> Sequence[str]:
    ((file, words),) = became
    assert file == words[0] == sys.executable
    return [word for word in words[1:] if word not in ("-X", "no_debug_ranges")]


def test_it_becomes_the_service_with_the_file_that_was_named(
    immapscope: Command,
    config: Path,
    usual_place: Path,
    became: list[tuple[str, Sequence[str]]],
) -> None:
    usual_place.write_text("")
    with pytest.raises(BecameError):
        immapscope("--config", config, "daemon")
    assert words_of(became) == ["-m", "immapscope.daemon", str(config)]


def test_with_the_one_in_the_usual_place_where_none_was(
    immapscope: Command, usual_place: Path, became: list[tuple[str, Sequence[str]]]
) -> None:
    usual_place.write_text("")
    with pytest.raises(BecameError):
        immapscope("daemon")
    assert words_of(became) == ["-m", "immapscope.daemon", str(usual_place)]


def test_or_with_none_at_all(
    immapscope: Command, usual_place: Path, became: list[tuple[str, Sequence[str]]]
) -> None:
    with pytest.raises(BecameError):
        immapscope("daemon")
    assert words_of(became) == ["-m", "immapscope.daemon"]


@pytest.mark.parametrize("command", ["trace", "doctor", "top"])
def test_a_configuration_is_the_daemons_alone(
    immapscope: Command, config: Path, command: str
) -> None:
    result = immapscope("--config", config, command)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("immapscope: --config is the daemon's")
    assert result.err.count("\n") == 1
