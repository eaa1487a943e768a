# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration comes from another process, whole, or with every reason why it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from immapscope.daemon.configuration import ConfigurationError, read_settings
from immapscope.settings import WebConfig
from tests.daemon.configured import configured, read_here


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file to be read."""
    return tmp_path / "config.yaml"


def test_what_the_process_sends_is_what_it_read(config: Path) -> None:
    (config.parent / "web.yml").write_text("")
    config.write_text(
        "mode: full\ninodes: [libc.so, '/srv/\u00e9']\nexporter: {web_config_file: web.yml}\n"
    )
    settings = read_settings(config)
    assert settings == read_here(config)
    assert settings.inodes == ("libc.so", "/srv/\u00e9")
    assert settings.exporter.web == WebConfig(tls=None, users={}, headers={})


def test_without_a_file_there_are_the_defaults() -> None:
    assert read_settings(None) == configured()


def test_a_bad_file_is_told_in_one_line_and_in_all_of_them(config: Path) -> None:
    config.write_text("interval: soon\nmodus: full\n")
    with pytest.raises(ConfigurationError) as refused:
        read_settings(config)
    first, second = refused.value.lines
    assert first.startswith(f"{config}:1: ")
    assert second.startswith(f"{config}:2: ")
    assert str(refused.value) == f"{first} (and 1 more: immapscope daemon --check)"


def test_a_process_that_cannot_be_started_is_an_error_too(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ConfigurationError, match="cannot be started") as refused:
        read_settings(config)
    assert refused.value.lines == (str(refused.value),)


def test_a_process_that_ends_without_a_word_is_an_error_too(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nkill -TERM $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ConfigurationError, match="ended with status -15") as refused:
        read_settings(config)
    assert refused.value.lines == (str(refused.value),)
