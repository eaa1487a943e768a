# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured as parts of pages: each by the name of its place there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab.bench import accuracy, events, lock_stat, results, scale, tables
from lab.bench.pictures import draw
from lab.bench.plan import COUNTED, STORM
from lab.bench.results import Contender
from lab.pages import put

Measured = Mapping[str, Any]
_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGES: Final = (_DOCS / "cost.md", _DOCS / "accuracy.md")
_PICTURE: Final = "cost.png"
_INSTRUCTIONS: Final = "instructions"


def parts(measured: Measured) -> dict[str, list[str]]:
    """By guest what it measured, as lines of Markdown; of guests that did not run there is none."""
    found: dict[str, list[str]] = {}
    if counted := measured.get("counted"):
        ours = results.contenders(counted, COUNTED)
        rows = [results.nothing(counted, COUNTED), *ours]
        found["instructions"] = list(tables.table(rows, tuple(COUNTED), _INSTRUCTIONS))
        found["above empty"] = [
            f"- `{name}`: {times:.2f} times what empty programs at the same places add"
            for name, times in results.above_empty(ours, "exec").items()
        ]
    if timed := measured.get("events"):
        for mode in events.MODES:
            found[f"events of {mode} mode"] = list(events.table(events.events(timed, mode)))
            found[f"waits of {mode} mode"] = list(events.table(events.waits(timed, mode), "wait"))
        found["full maps"] = list(events.crowded(timed))
    if scaled := measured.get("scale"):
        found["scale"] = list(scale.table(scaled))
    if counting := measured.get("lock_stat"):
        kernels = lock_stat.contenders(counting, COUNTED)
        found["lock_stat"] = list(tables.table(kernels, tuple(COUNTED), _INSTRUCTIONS))
    if storm := measured.get("storm"):
        rows = [results.nothing(storm, STORM), *results.contenders(storm, STORM)]
        found["contended"] = list(tables.table(rows, tuple(STORM), "ns"))
    if said := measured.get("accuracy"):
        found["tools"] = list(accuracy.table(said))
        found["spun"] = list(accuracy.spun(said))
    if held := measured.get("lockup"):
        found["lockup"] = list(accuracy.table(held))
    return found


def write(found: Mapping[str, Sequence[str]], pages: Sequence[Path] = PAGES) -> None:
    """Into the pages, each part where it has its place. Raises LabError where it has none."""
    for path in pages:
        page = path.read_text()
        for name in [name for name in found if f"<!-- {name} -->" in page]:
            page = put(page, name, found[name])
        path.write_text(page)


def picture(measured: Measured, folder: Path) -> list[str]:
    """Draws what there is to be drawn into that folder, and links it; [] where that is nothing."""
    panels: dict[str, Sequence[Contender]] = {}
    if counted := measured.get("counted"):
        panels["instructions of an uncontended exec"] = results.contenders(counted, COUNTED)
    if storm := measured.get("storm"):
        panels["time of a contended exec storm"] = results.contenders(storm, STORM)
    if not panels:
        return []
    file = folder / _PICTURE
    draw(panels, file)
    return [f"![{' and '.join(panels)}, under each tool]({os.path.relpath(file, _DOCS)})"]
