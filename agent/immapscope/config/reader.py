# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the configuration in a process of its own: python3 -m immapscope.config.reader [FILE].

What it found goes to standard output, pickled, for `settings_of` in the process that asked.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from immapscope.config import Config, ConfigError, load, load_web_config
from immapscope.settings import (
    ExporterSettings,
    FilesSettings,
    KernelSettings,
    LogSettings,
    Settings,
    WebConfig,
)


def settings(path: Path | None) -> Settings:
    """The configuration in this file, None for the defaults. Raises ConfigError."""
    config = load(path) if path else Config()
    web_file = config.exporter.web_config_file
    return plain(config, load_web_config(web_file) if web_file else None)


def plain(config: Config, web: WebConfig | None) -> Settings:
    """The same as plain data."""
    return Settings(
        mode=config.mode,
        attach=config.attach,
        tree_operations=config.tree_operations,
        interval=config.interval,
        inodes=config.inodes,
        files=FilesSettings(**dict(config.files)),
        kernel=KernelSettings(**dict(config.kernel)),
        exporter=ExporterSettings(**dict(config.exporter), web=web),
        log=LogSettings(**dict(config.log)),
    )


def main(words: Sequence[str]) -> None:
    """Writes the settings, or the lines that say what is wrong."""
    try:
        found: Settings | tuple[str, str] = settings(Path(words[0]) if words else None)
    except ConfigError as error:
        found = str(error), "\n".join(error.lines)
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
