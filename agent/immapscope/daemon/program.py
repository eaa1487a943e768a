# SPDX-License-Identifier: GPL-2.0-or-later
"""The code that a process was started from, known again on disk.

A reload has children, which run what is on disk by then: after an upgrade another agent than this
one, whose settings and maps it would misread.
"""

from __future__ import annotations

from pathlib import Path

from immapscope.errors import CannotTraceError

_PACKAGE = Path(__file__).resolve().parent.parent


class Program:
    """The agent as it is on disk now, below `folder`."""

    def __init__(self, folder: Path = _PACKAGE) -> None:
        self._folder = folder
        self._before = self._seen()

    def check(self) -> None:
        """Raises CannotTraceError where it has become another since."""
        if self._seen() != self._before:
            raise CannotTraceError(
                f"the agent in {self._folder} was changed since the start; "
                "restart it: systemctl restart immapscope"
            )

    def _seen(self) -> frozenset[tuple[str, int, int]] | None:
        """Each file with what changes when it is written or replaced; None while they are moved."""
        try:
            return frozenset(
                (str(path), status.st_ino, status.st_mtime_ns)
                for path in self._folder.rglob("*.py")
                for status in (path.stat(),)
            )
        except OSError:
            return None
