# SPDX-License-Identifier: GPL-2.0-or-later
"""config.yaml and the web configuration: strict, every problem told with its line."""

from __future__ import annotations

from pathlib import Path

from immapscope.config import document
from immapscope.config.errors import ConfigError
from immapscope.config.model import Config
from immapscope.config.validation import validated
from immapscope.config.web import load_web_config

__all__ = ["Config", "ConfigError", "load", "load_web_config"]


def load(path: Path) -> Config:
    """The configuration in this file; what it does not say is as in `Config()`.

    Relative paths in it are relative to its folder. Raises ConfigError.
    """
    return validated(Config, document.read(path), {"folder": path.parent})
