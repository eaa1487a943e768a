# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs: one line each on stderr, with the journal's priorities where the journal reads it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from immapscope.outputs.printable import one_line

LOG: Final = logging.getLogger("immapscope")

#: sd-daemon(3): <3> error ... <7> debug.
_PRIORITIES = {
    logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2,
}  # fmt: skip


class _OneLine(logging.Formatter):
    def __init__(self, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            message += f": {type(error).__name__}: {error}"
        line = one_line(message)
        if self._journal:
            return f"<{_PRIORITIES.get(record.levelno, 6)}>{line}"
        return f"immapscope: {record.levelname.lower()}: {line}"


def start(
    level: str, environment: Mapping[str, str] = os.environ, to: TextIO | None = None
) -> None:
    """Sends what is logged at `level` and above to stderr."""
    stream = sys.stderr if to is None else to
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_OneLine(_is_journal(stream, environment)))
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """debug, info, warning or error."""
    LOG.setLevel(level.upper())


def _is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """JOURNAL_STREAM is the device and inode of the journal's socket (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
