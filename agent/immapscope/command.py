# SPDX-License-Identifier: GPL-2.0-or-later
"""COMMAND: looked for before anything is attached, started once the session is open."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from immapscope.errors import ExitStatus, ImmapscopeError


class CommandFailedError(ImmapscopeError):
    """COMMAND cannot be started; `status` is 126 or 127 as of a shell."""

    def __init__(self, command: str, error: OSError) -> None:
        missing = isinstance(error, FileNotFoundError)
        self.status = ExitStatus.COMMAND_NOT_FOUND if missing else ExitStatus.CANNOT_RUN_COMMAND
        super().__init__(f"cannot run {command!r}: {error.strerror}")


def look_for(command: Sequence[str]) -> None:
    """Raises CommandFailedError for what execvp would not find, or not be let to run.

    What only shows when it is run (a format that no kernel knows) is left to `start`.
    """
    if not command:
        return
    name = command[0]
    folders = [""] if "/" in name else os.get_exec_path()
    refused: OSError | None = None
    for path in (Path(folder, name) for folder in folders):
        try:
            path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = error
            continue
        if path.is_file() and os.access(path, os.X_OK):
            return
        refused = _error(errno.EACCES)
    raise CommandFailedError(name, refused or _error(errno.ENOENT))


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def start(command: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """The process; None where there is no COMMAND. Raises CommandFailedError."""
    if not command:
        return None
    try:
        return subprocess.Popen(command)
    except OSError as error:
        raise CommandFailedError(command[0], error) from error
