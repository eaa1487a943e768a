# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, for people: a table in Markdown, and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.bench.results import Contender


def table(found: Sequence[Contender], works: Sequence[str], unit: str) -> Iterator[str]:
    """Markdown: a ratio for each work, added `unit` for each exec, and what the tool told."""
    head = ["under", *works, f"added {unit} per exec", "ready after", "kernel memory", "resident"]
    yield f"| {' | '.join(head)} |"
    yield f"| --- {'| ---: ' * (len(head) - 1)}|"
    for one in found:
        if one.failed:
            yield f"| {one.name} | {one.failed.splitlines()[-1][:60]} {'| ' * (len(head) - 2)}|"
            continue
        cells = [one.name, *(str(one.ratios[work]) for work in works)]
        cells.append(f"{one.added['exec']:,.0f}")
        for key, text in (
            ("attached_seconds", "{:.1f} s"),
            ("kernel_bytes", "{:,.0f}"),
            ("resident_bytes", "{:,.0f}"),
        ):
            cells.append(text.format(one.told[key]) if key in one.told else "-")
        yield f"| {' | '.join(cells)} |"


def draw(found: Sequence[Contender], contended: Sequence[Contender], into: Path) -> None:
    """Each contender's ratio: of instructions for an uncontended exec, of time in a storm."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.5))
    for axes, contenders, title in zip(
        panels,
        (found, contended),
        ("instructions of an uncontended exec", "time of a contended exec storm"),
        strict=True,
    ):
        shown = [one for one in contenders if not one.failed]
        ratios = [one.ratios["exec"] for one in shown]
        places = range(len(shown))
        axes.barh(places, [one.median - 1 for one in ratios], left=1, color="#b3450f")
        for place, one in zip(places, ratios, strict=True):
            axes.plot([one.low, one.high], [place, place], color="black", linewidth=1)
        axes.set_yticks(places, [one.name for one in shown], fontsize=8)
        axes.invert_yaxis()
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(f"{title}, bare = 1", fontsize=10)
    figure.tight_layout()
    figure.savefig(into, dpi=100)
    pyplot.close(figure)
