# SPDX-License-Identifier: GPL-2.0-or-later
"""A page of text for people: paragraphs and tables, plain unless colour is asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from io import StringIO
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from immapscope.outputs.prose import Line

_WIDE_ENOUGH: Final = 100_000
_ANY_HEIGHT: Final = 25


class Page:
    """What is written so far; `width` in terminal cells, None is as wide as it takes."""

    def __init__(self, width: int | None, color: bool) -> None:
        self._width = width or _WIDE_ENOUGH
        self._written = StringIO()
        self._console = Console(
            file=self._written,
            width=self._width,
            height=_ANY_HEIGHT,
            force_terminal=color,
            force_jupyter=False,
            no_color=not color,
            color_system="standard" if color else None,
            legacy_windows=False,
        )

    def lines(self, lines: Iterable[Line]) -> None:
        """Paragraphs, each wrapped to the width."""
        for line in lines:
            wrapped = textwrap.wrap(
                line.text, self._width, subsequent_indent="  ", break_on_hyphens=False
            )
            for part in wrapped:
                self._console.print(Text(part, style=line.tone.value), soft_wrap=True)

    def table(self, table: Table) -> None:
        """A table as it is."""
        self._console.print(table, soft_wrap=False)

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def text(self) -> str:
        """All of it, without blanks at the ends of lines."""
        return "".join(f"{line.rstrip()}\n" for line in self._written.getvalue().split("\n")[:-1])
