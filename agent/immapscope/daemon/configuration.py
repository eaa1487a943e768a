# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration, read by another process: what reads YAML strictly takes 20 MB to do it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from immapscope.errors import ImmapscopeError
from immapscope.settings import Settings


class ConfigurationError(ImmapscopeError):
    """The file cannot be used; `lines` has every problem."""

    def __init__(self, summary: str, lines: str) -> None:
        super().__init__(summary)
        self.lines = tuple(lines.splitlines())


def read_settings(path: Path | None) -> Settings:
    """What this file says, None for the defaults. Raises ConfigurationError."""
    command = [sys.executable, "-m", "immapscope.config.reader"]
    if path is not None:
        command.append(str(path))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
        )
    except OSError as error:
        told = f"the process that reads the configuration cannot be started: {error}"
        raise ConfigurationError(told, told) from error
    if done.returncode != 0:
        told = f"the process that reads the configuration ended with status {done.returncode}"
        raise ConfigurationError(told, told)
    found = pickle.loads(done.stdout)
    if isinstance(found, Settings):
        return found
    raise ConfigurationError(*found)
