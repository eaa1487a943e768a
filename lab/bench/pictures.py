# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of what was measured; drawn by matplotlib, which is in .venv and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from lab.bench.results import Contender


def can_draw() -> bool:
    """Whether matplotlib is here; says in a line what to do where it is not."""
    if find_spec("matplotlib") is not None:
        return True
    print(
        "bench: no pictures: this Python has no matplotlib. What is kept is drawn later, by "
        ".venv/bin/python -m lab.bench --from FOLDER --pictures FOLDER (make lint makes .venv)",
        file=sys.stderr,
    )
    return False


def draw(panels: Mapping[str, Sequence[Contender]], into: Path) -> None:
    """By title: each contender's ratio of an exec, with its interval; those that failed are not."""
    from matplotlib import pyplot

    figure, places = pyplot.subplots(
        1, len(panels), figsize=(5.5 * len(panels), 4.5), squeeze=False
    )
    for axes, (title, contenders) in zip(places[0], panels.items(), strict=True):
        shown = [one for one in contenders if not one.failed]
        ratios = [one.ratios["exec"] for one in shown]
        rows = range(len(shown))
        axes.barh(rows, [one.mean - 1 for one in ratios], left=1, color="#b3450f")
        for row, one in zip(rows, ratios, strict=True):
            if one.low is not None and one.high is not None:
                axes.plot([one.low, one.high], [row, row], color="black", linewidth=1)
        axes.set_yticks(rows, [one.name for one in shown], fontsize=8)
        axes.invert_yaxis()
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(f"{title}, bare = 1", fontsize=10)
    figure.tight_layout()
    into.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(into, dpi=100)
    pyplot.close(figure)
