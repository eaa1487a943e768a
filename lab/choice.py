# SPDX-License-Identifier: GPL-2.0-or-later
"""Which package stands for a name: asked of the mirror now and then, noted in the cache."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from lab import cache
from lab.errors import LabError

ASK_AGAIN_SECONDS = 7 * cache.DAY_SECONDS
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Package:
    """A package as one suite has it."""

    suite: str
    name: str
    version: str

    @property
    def title(self) -> str:
        """What people call it: a kernel's release, else the package with its version."""
        release = self.name.removeprefix("linux-image-")
        return release if release != self.name else f"{self.name} {self.version}"

    @property
    def entry(self) -> str:
        """Its name in the cache."""
        return f"{self.name}_{self.version}"


@dataclass(frozen=True)
class Choice:
    """A package, and until when (Unix seconds) it stands without asking the mirror again."""

    package: Package
    until: float


def standing(
    name: str,
    newest: Callable[[], Package],
    make: Callable[[Package], _Made],
    update: bool,
) -> _Made:
    """What `make` makes of the package that stands for the name.

    A choice stands for 7 days, and for longer while `newest` or `make` raises LabError; that is
    raised only where no package was ever chosen.
    """
    note = cache.directory() / "kernels" / f"{name}.json"
    with cache.locked(f"kernel-{name}"):
        known = _read(note) if note.is_file() else None
        stands = known is not None and not update and time.time() < known.until
        if not stands:
            return _made_anew(note, known, newest, make)
    # Not under the lock: of one source several kernels are made, and one of them may be there.
    assert known is not None
    return make(known.package)


def _made_anew(
    note: Path,
    known: Choice | None,
    newest: Callable[[], Package],
    make: Callable[[Package], _Made],
) -> _Made:
    try:
        package = newest()
        made = make(package)
        choice = Choice(package, time.time() + ASK_AGAIN_SECONDS)
    except LabError as error:
        if known is None:
            raise
        made = make(known.package)
        print(f"lab: {error}; keeping {known.package.title}", file=sys.stderr)
        choice = replace(known, until=time.time() + cache.RETRY_SECONDS)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(asdict(choice)))
    return made


def _read(note: Path) -> Choice:
    fields = json.loads(note.read_text())
    return Choice(Package(**fields["package"]), fields["until"])
