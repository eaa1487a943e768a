# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration fragments: what a kernel of ours is built with, on top of `make tinyconfig`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lab.errors import LabError

FOLDER = Path(__file__).resolve().parent
BASE = FOLDER / "base.config"
DEBUG = FOLDER / "debug.config"
LOCK_STAT = FOLDER / "lockstat.config"

_OPTION = re.compile(r"(CONFIG_\w+)=(.+)")
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")


def options(text: str) -> dict[str, str]:
    """Each option's value, `n` for one that is not set; the last one counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _OPTION.fullmatch(line.strip()):
            found[match[1]] = match[2]
        elif match := _UNSET.fullmatch(line.strip()):
            found[match[1]] = "n"
    return found


def merged(texts: Iterable[str]) -> str:
    """The fragments as one, each option once."""
    found: dict[str, str] = {}
    for text in texts:
        found |= options(text)
    return "".join(f"{name}={value}\n" for name, value in found.items())


def check(wanted: str, got: str) -> None:
    """Raises LabError with the options that `make olddefconfig` did not leave as they were asked.

    One that it silently drops depends on something that is missing.
    """
    result = options(got)
    changed = [
        f"{name}={value} became {result.get(name, 'n')}"
        for name, value in options(wanted).items()
        if result.get(name, "n") != value
    ]
    if changed:
        raise LabError(f"the kernel's configuration refuses: {', '.join(changed)}")
