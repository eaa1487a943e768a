# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as plain text of 72 columns, to be pasted into a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from immapscope.comparing import words
from immapscope.comparing.comparison import Compared, Comparison
from immapscope.comparing.measures import HEADLINE
from immapscope.comparing.parts import Scope
from immapscope.outputs.shortened import shortened

WIDTH: Final = 72
_NAME: Final = 26
_HEADS: Final = ("A", "B", "B/A", "95 % interval")
_WIDTHS: Final = (9, 9, 7, 15)


def mail(comparison: Comparison, detail: bool) -> str:
    """ASCII but for the names of files; no line is longer than WIDTH.

    `detail`: of each part all that is known.
    """
    return "\n".join(line.rstrip() for line in _lines(comparison, detail)) + "\n"


def _lines(comparison: Comparison, detail: bool) -> Iterator[str]:
    for side in words.sides(comparison):
        yield from textwrap.wrap(side, WIDTH, subsequent_indent="   ")
    yield ""
    yield from textwrap.wrap(words.sentence(comparison), WIDTH)
    for note in (*comparison.warnings, *words.remarks(comparison)):
        yield from textwrap.wrap(f"Note: {note}.", WIDTH, subsequent_indent="   ")
    yield ""
    yield _cells("", _HEADS, "")
    scope = Scope.ALL
    for line in comparison.shown(detail):
        if line.measure.scope is not scope:
            scope = line.measure.scope
            yield ""
            yield f"{HEADLINE}, by {scope}:"
        yield _row(line)
    yield ""
    for note in words.footnotes(comparison):
        yield from textwrap.wrap(f"{note}.", WIDTH)
    yield from textwrap.wrap(
        f"* differs: {words.test(comparison)} rank test, p <= 0.05, of parts after Holm. Means "
        f"over runs; intervals by bootstrap. immapscope, {comparison.mode} mode.",
        WIDTH,
    )


def _row(line: Compared) -> str:
    found = line.difference
    cells = (
        words.value(line, found.mean_a),
        words.value(line, found.mean_b),
        words.ratio(line),
        words.interval(line),
    )
    name = shortened(words.title(line), _NAME)
    return _cells(name, cells, "*" if words.mark(line.verdict) else "")


def _cells(name: str, cells: tuple[str, ...], mark: str) -> str:
    columns = " ".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"{name:<{_NAME}} {columns} {mark}"
