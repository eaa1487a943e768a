# SPDX-License-Identifier: GPL-2.0-or-later
"""The three standard streams: text that any locale can show, and readers that go away."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from typing import Final

from immapscope.errors import ImmapscopeError

#: What a shell reports of `yes | head`: ended since nobody reads any more.
READER_GONE: Final = 128 + signal.SIGPIPE


def prepare() -> None:
    """Make the streams safe to use: call it first."""
    for descriptor in (0, 1, 2):
        # A closed one would be given to the next file, and what is printed would be written there.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A file may be called what the locale cannot spell.
            stream.reconfigure(errors="backslashreplace")


def write_out(text: str) -> None:
    """To stdout, at once. Raises BrokenPipeError, or ImmapscopeError if it cannot be written."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_reader()
        raise ImmapscopeError(f"cannot write to standard output: {error.strerror}") from error


def forget_reader() -> None:
    """Where stdout cannot be written, let the interpreter not try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
