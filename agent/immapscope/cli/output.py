# SPDX-License-Identifier: GPL-2.0-or-later
"""Where results go: stdout, or a file that loses nothing before there is something to write.

The file is opened before anything is traced, so that a name that cannot be written is told at
once, but what it holds stays until the first result comes. It is written in place, not replaced:
owner, mode and links stay, and a fifo or /dev/stdout serves as well.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from immapscope.errors import ImmapscopeError, UsageError
from immapscope.streams import write_out


@contextmanager
def output_to(path: str | None) -> Iterator[Callable[[str], None]]:
    """What writes text to `path`, or to stdout where that is None.

    Raises UsageError where the file cannot be written. A file that was made here and never written
    to is taken away again.
    """
    if path is None:
        yield write_out
        return
    descriptor, made = _opened(path)
    output = _Output(path, descriptor)
    try:
        yield output.write
    finally:
        os.close(descriptor)
        if made and not output.written:
            with suppress(OSError):
                os.unlink(path)


def _opened(path: str) -> tuple[int, bool]:
    """Its descriptor, and whether it was made for that."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        try:
            # Not O_CREAT at once: in /tmp that is refused for another user's file, even to root.
            return os.open(path, flags), False
        except FileNotFoundError:
            return os.open(path, flags | os.O_CREAT, 0o666), True
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file has a NUL byte in its name"
        raise UsageError(f"--output {path!r}: {why}; name a file that can be written") from error


class _Output:
    """Keeps the old contents until the first text comes."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.written = False

    def write(self, text: str) -> None:
        """Append `text` to what was written so far; the whole of it, or an ImmapscopeError."""
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        try:
            if not self.written and stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                os.ftruncate(self._descriptor, 0)
            self.written = True
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ImmapscopeError(f"--output {self._path!r}: {error.strerror}") from error
