# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings without a file, and files read in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from immapscope.config import Config, ConfigError
from immapscope.config.reader import plain, settings
from immapscope.daemon.configuration import ConfigurationError
from immapscope.settings import Settings


def configured(values: Mapping[str, Any] | None = None) -> Settings:
    """The defaults but for these values, as config.yaml nests them."""
    return plain(Config.model_validate(values or {}), None)


def read_here(path: Path | None) -> Settings:
    """As `read_settings` does in another process."""
    try:
        return settings(path)
    except ConfigError as error:
        raise ConfigurationError(str(error), "\n".join(error.lines)) from error
