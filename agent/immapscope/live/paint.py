# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of text as what a terminal shows as such."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text

_CLEAR_TO_THE_END: Final = "\x1b[K"


def painted(lines: Sequence[Text], width: int, color: bool) -> list[str]:
    """Each line with its styles as escape sequences, cut off at `width` cells.

    Without colour there is still bold and reverse. Where a line does not fill the terminal, what
    stood there before is cleared.
    """
    console = Console(
        file=StringIO(),
        width=width,
        height=len(lines) or 1,
        force_terminal=True,
        force_jupyter=False,
        color_system="standard",
        no_color=not color,
        legacy_windows=False,
        _environ={},
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", crop=True)
    written = console.file
    assert isinstance(written, StringIO)
    return [
        one if line.cell_len >= width else one + _CLEAR_TO_THE_END
        for one, line in zip(written.getvalue().split("\n")[:-1], lines, strict=True)
    ]
