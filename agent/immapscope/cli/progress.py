# SPDX-License-Identifier: GPL-2.0-or-later
"""One line on a terminal's stderr that says what goes on; nothing where stderr is no terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from immapscope.outputs.printable import printable
from immapscope.outputs.shortened import shortened
from immapscope.snapshot import Snapshot
from immapscope.who import Who

_USUAL_COLUMNS = 80


class Progress:
    """Rewrites its line in place and takes it away at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None

    def say(self, what: str) -> None:
        """Show this line now."""
        if self._stream:
            # A line that wraps could not be taken away again.
            self._stream.write(f"\r\x1b[K{shortened(what, _columns(self._stream) - 5)} ...")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away, so that output may follow."""
        if self._stream:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def tick(self, whos: Sequence[Who]) -> Callable[[Snapshot], None] | None:
        """What to call with the newest snapshot; None where nobody would see it."""
        if self._stream is None:
            return None

        def show(snapshot: Snapshot) -> None:
            seconds = snapshot.duration_ns / 1e9
            totals = snapshot.totals
            if whos and not (snapshot.rows or snapshot.shards or snapshot.tree_operations):
                names = ", ".join(printable(who.text) for who in whos)
                self.say(f"{seconds:.0f} s: nothing matched {names} yet, waiting")
                return
            self.say(
                f"{seconds:.0f} s: {totals.contended:,} waits, "
                f"{totals.wait_ns / 1e9:.3f} s waited (Ctrl-C ends and prints)"
            )

        return show

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS
