# SPDX-License-Identifier: GPL-2.0-or-later
"""The source that kernels of ours are built from: Debian's newest linux-source of one series."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from lab import cache, debian
from lab.errors import LabError
from lab.programs import run

PACKAGE = "linux-source-6.12"
SUITE = "trixie"
_ASK_AGAIN_SECONDS = 7 * cache.DAY_SECONDS


def version(update: bool = False) -> str:
    """Of the package; stands for 7 days, and for longer while the mirror does not answer."""
    note = cache.directory() / "kernels" / "source.json"
    with cache.locked("kernel-source"):
        known = json.loads(note.read_text()) if note.is_file() else None
        if known and not update and time.time() < known["until"]:
            return str(known["version"])
        try:
            root = debian.AptRoot(SUITE)
            root.update()
            newest = root.versions([PACKAGE])[PACKAGE]
            until = time.time() + _ASK_AGAIN_SECONDS
        except (LabError, KeyError) as error:
            if known is None:
                raise LabError(f"no {PACKAGE} in {SUITE}: {error}") from error
            print(f"lab: {error}; keeping {PACKAGE} {known['version']}", file=sys.stderr)
            newest, until = known["version"], time.time() + cache.RETRY_SECONDS
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"version": newest, "until": until}))
        return str(newest)


def unpack(into: Path) -> None:
    """Downloads the newest and unpacks it; `into` is made."""
    root = debian.AptRoot(SUITE)
    with cache.scratch("source") as files:
        root.unpack([PACKAGE], files)
        into.mkdir(parents=True)
        archive = files / "usr/src" / f"{PACKAGE}.tar.xz"
        run(["tar", "-xf", archive, "-C", into, "--strip-components=1"])
