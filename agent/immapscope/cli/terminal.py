# SPDX-License-Identifier: GPL-2.0-or-later
"""What stdout is: how wide, and whether colours are wanted there."""

from __future__ import annotations

import os
import sys


def terminal_width(output: str | None) -> int | None:
    """Columns of the terminal; None where `output` names a file or stdout is no terminal."""
    if output is not None:
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def colored(output: str | None) -> bool:
    """Whether to colour what is printed."""
    return output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
