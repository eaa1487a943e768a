# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as a table for a terminal."""

from __future__ import annotations

import io
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from immapscope.comparing import words
from immapscope.comparing.comparison import Comparison, Verdict

_WIDE: Final = 120
_STYLES: Final = {Verdict.WORSE: "red", Verdict.BETTER: "green", Verdict.NOTHING: ""}


def table(comparison: Comparison, width: int | None, color: bool) -> str:
    """`width`: columns of the terminal, None where there is none."""
    text = io.StringIO()
    console = Console(
        file=text, width=width or _WIDE, force_terminal=color, no_color=not color, highlight=False
    )
    for side in words.sides(comparison):
        console.print(Text(side, "bold"))
    console.print(_rows(comparison))
    console.print(Text(words.sentence(comparison), _STYLES[comparison.headline.verdict]))
    for warning in comparison.warnings:
        console.print(Text(f"note: {warning}", "dim"))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _rows(comparison: Comparison) -> Table:
    rows = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows.add_column("measure", overflow="fold")
    for head in ("A", "B", "B/A", "95 % interval", "p", "delta", "runs needed"):
        rows.add_column(head, justify="right", no_wrap=True)
    rows.add_column("")
    for line in comparison.lines:
        found = line.difference
        rows.add_row(
            Text(words.name(line)),
            words.value(line, found.mean_a),
            words.value(line, found.mean_b),
            words.ratio(line),
            words.interval(line),
            words.probability(line.p),
            words.effect(line),
            words.UNKNOWN if found.needed is None else str(found.needed),
            Text(words.mark(line.verdict), _STYLES[line.verdict]),
        )
    return rows
