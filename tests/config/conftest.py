# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from immapscope.config import Config, ConfigError, load, load_web_config
from immapscope.settings import WebConfig

Written = Callable[[str | bytes], Path]
Loaded = Callable[[str | bytes], Config]
LoadedWeb = Callable[[str | bytes], WebConfig]
Refused = Callable[[str | bytes], list[str]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A file with this in it."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def loaded(written: Written) -> Loaded:
    """The configuration in a file with this in it."""
    return lambda content: load(written(content))


@pytest.fixture
def loaded_web(written: Written) -> LoadedWeb:
    """The web configuration in a file with this in it."""
    return lambda content: load_web_config(written(content))


@pytest.fixture
def refused(written: Written) -> Refused:
    """Everything that is wrong with a configuration, without the name of the file."""
    return lambda content: findings(load, written(content))


@pytest.fixture
def refused_web(written: Written) -> Refused:
    """Everything that is wrong with a web configuration, without the name of the file."""
    return lambda content: findings(load_web_config, written(content))


def findings(load_it: Callable[[Path], object], path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load_it(path)
    assert str(refusal.value).startswith(refusal.value.lines[0])
    return [line.removeprefix(f"{path}:").lstrip() for line in refusal.value.lines]
