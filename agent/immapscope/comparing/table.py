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
from immapscope.comparing.parts import PARTS

_WIDE: Final = 120
_STYLES: Final = {Verdict.WORSE: "red", Verdict.BETTER: "green", Verdict.NOTHING: ""}


def table(comparison: Comparison, width: int | None, color: bool, detail: bool) -> str:
    """`width`: columns of the terminal, None where there is none. `detail`: all of each part."""
    text = io.StringIO()
    console = Console(
        file=text, width=width or _WIDE, force_terminal=color, no_color=not color, highlight=False
    )
    for side in words.sides(comparison):
        console.print(Text(side, "bold"))
    console.print(_rows(comparison, detail))
    console.print(Text(words.sentence(comparison), _STYLES[comparison.headline.verdict]))
    notes = (*comparison.warnings, *words.remarks(comparison), *words.footnotes(comparison))
    for note in notes:
        console.print(Text(f"note: {note}", "dim"))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _rows(comparison: Comparison, detail: bool) -> Table:
    rows = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows.add_column("measure", overflow="fold")
    for head in ("A", "B", "B/A", "95 % interval", "p", "delta", "runs needed"):
        rows.add_column(head, justify="right", no_wrap=True)
    rows.add_column("")
    for line in comparison.shown(detail):
        measure, found = line.measure, line.difference
        scope = f"{measure.scope} " if measure.is_headline and measure.scope in PARTS else ""
        rows.add_row(
            Text(scope + words.title(line)),
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
