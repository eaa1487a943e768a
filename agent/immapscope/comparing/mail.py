# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as plain text of 72 columns, to be pasted into a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from immapscope.comparing import words
from immapscope.comparing.comparison import Comparison
from immapscope.outputs.shortened import shortened

WIDTH: Final = 72
_NAME: Final = 26
_HEADS: Final = ("A", "B", "B/A", "95 % interval")
_WIDTHS: Final = (9, 9, 7, 15)


def mail(comparison: Comparison) -> str:
    """ASCII but for the names of files; no line is longer than WIDTH."""
    return "\n".join(line.rstrip() for line in _lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    for side in words.sides(comparison):
        yield from textwrap.wrap(side, WIDTH, subsequent_indent="   ")
    yield ""
    yield from textwrap.wrap(words.sentence(comparison), WIDTH)
    for warning in comparison.warnings:
        yield from textwrap.wrap(f"Note: {warning}", WIDTH, subsequent_indent="   ")
    yield ""
    yield _row("", _HEADS, "")
    scope = "all"
    for line in comparison.lines:
        if line.measure.scope != scope:
            scope = line.measure.scope
            yield ""
            yield f"{line.measure.what}, by {scope}:"
        found = line.difference
        name = line.measure.what if scope == "all" else words.name(line).partition(" ")[2]
        cells = (
            words.value(line, found.mean_a),
            words.value(line, found.mean_b),
            words.ratio(line),
            words.interval(line),
        )
        yield _row(shortened(name, _NAME), cells, "*" if words.mark(line.verdict) else "")
    yield ""
    yield from textwrap.wrap(
        f"* differs: {words.test(comparison)} rank test, p <= 0.05, parts after Holm. Means over "
        f"runs; intervals by bootstrap. immapscope, {comparison.mode} mode.",
        WIDTH,
    )


def _row(name: str, cells: tuple[str, ...], mark: str) -> str:
    columns = " ".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"{name:<{_NAME}} {columns} {mark}"
