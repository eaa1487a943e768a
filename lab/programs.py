# SPDX-License-Identifier: GPL-2.0-or-later
"""Running the programs of the host: quiet when they work, one line when they do not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from lab.errors import LabError

# mke2fs, debugfs and depmod lie in /usr/sbin, which is not on an ordinary user's PATH.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.PIPE,
) -> str:
    """Its stdout, if that goes nowhere else; LabError with what it said last if it fails."""
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", "PATH": PATH, **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is missing; see python3 -m lab.host") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        blamed = [line for line in said if line.startswith("E:")] or said[-1:]
        reason = blamed[0] if blamed else f"exit status {done.returncode}"
        raise LabError(f"{Path(command[0]).name}: {reason}")
    return done.stdout or ""
