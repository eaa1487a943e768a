# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m dashboards.pictures PROMETHEUS DIR: each dashboard's data as a PNG.

They are drawn by matplotlib (which nothing else here needs) from what Prometheus answers to the
query of each panel. They are not screenshots of Grafana, and say so.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.query import Prometheus, Series, filled_in

GRAFANA: Final = Path(__file__).parent / "grafana"
NAMES: Final = ("overview", "shards", "compare-kernels")
#: Inches for a column and a row of Grafana's grid of 24 columns.
_WIDE, _HIGH = 0.55, 0.30
_COLUMNS: Final = 24
_DOTS: Final = 70
_MOST_ROWS: Final = 8
#: As many lines as a legend has room for.
_MOST_NAMES: Final = 10


@dataclass(frozen=True)
class Asked:
    """Where panels get their data, for which time and which choice of variables."""

    api: Prometheus
    start: float
    end: float
    step: float
    choices: Mapping[str, str]

    def series(self, target: Mapping[str, Any]) -> list[Series]:
        """What one query of a panel gives."""
        expr = filled_in(
            target["expr"],
            {"job": ".+", "instance": ".+", "file": ".+", **self.choices},
            f"{max(60, int(4 * self.step))}s",
            f"{int(self.end - self.start)}s",
        )
        if target.get("instant"):
            return self.api.instant(expr, self.end)
        return self.api.range(expr, self.start, self.end, self.step)


def draw(board: Mapping[str, Any], asked: Asked, caption: str) -> Figure:
    """The dashboard's panels where Grafana would have them, below one another."""
    high = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    total = high * _HIGH + 1
    figure = Figure(figsize=(_COLUMNS * _WIDE, total), dpi=_DOTS)
    figure.text(0.01, 1 - 0.3 / total, board["title"], fontsize=13, va="center")
    figure.text(0.01, 0.2 / total, caption, fontsize=8, color="grey", va="center")
    for panel in board["panels"]:
        at = panel["gridPos"]
        bottom = (total - 0.5 - (at["y"] + at["h"]) * _HIGH) / total
        if panel["type"] == "row":
            figure.text(0.01, bottom, panel["title"], fontsize=10, weight="bold")
            continue
        # Room for the title above, the axis below, and the legend of lines beside.
        wide = at["w"] * (0.76 if panel["type"] == "timeseries" else 1)
        axes = figure.add_axes(
            (
                (at["x"] + 1.3) / _COLUMNS,
                bottom + 1.6 * _HIGH / total,
                (wide - 1.7) / _COLUMNS,
                (at["h"] - 3) * _HIGH / total,
            )
        )
        axes.set_title(panel["title"], fontsize=8, loc="left")
        axes.tick_params(labelsize=6)
        _DRAWN[panel["type"]](axes, panel, asked)
    return figure


def _lines(axes: Axes, panel: Mapping[str, Any], asked: Asked) -> None:
    named = [
        (_legend(target, one), one) for target in panel["targets"] for one in asked.series(target)
    ]
    named.sort(key=lambda pair: -max(value for _, value in pair[1].values))
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if custom.get("stacking", {}).get("mode") == "normal" and named:
        times = sorted({at for _, one in named for at, _ in one.values})
        by_time = [dict(one.values) for _, one in named]
        heights = [[one.get(at, 0.0) for at in times] for one in by_time]
        axes.stackplot(times, heights, labels=[name for name, _ in named], alpha=0.7)
    else:
        for name, one in named:
            times = [at for at, _ in one.values]
            values = [value for _, value in one.values]
            axes.plot(times, values, label=name, linewidth=1)
    axes.set_ylim(0, max(1.1 * axes.dataLim.y1, 1e-9) if named else 1)
    _time_axis(axes, asked)
    unit = _unit(panel)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _shown(value, unit)))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
    if named:
        handles, names = axes.get_legend_handles_labels()
        axes.legend(
            handles[:_MOST_NAMES],
            [name[:34] for name in names[:_MOST_NAMES]],
            fontsize=5,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.04),
            frameon=False,
        )


def _number(axes: Axes, panel: Mapping[str, Any], asked: Asked) -> None:
    found = asked.series(panel["targets"][0])
    shown = _shown(found[0].last, _unit(panel)) if found else "-"
    axes.set_axis_off()
    axes.text(0.5, 0.4, shown, fontsize=16, ha="center", va="center")


def _states(axes: Axes, panel: Mapping[str, Any], asked: Asked) -> None:
    named = [(_legend(panel["targets"][0], one), one) for one in asked.series(panel["targets"][0])]
    for row, (_, one) in enumerate(named):
        times = [at for at, _ in one.values]
        axes.scatter(times, [row] * len(times), marker="s", s=12)
    for row, (name, _) in enumerate(named):
        axes.text(asked.start, row + 0.3, f" {name}", fontsize=5)
    axes.set_yticks([])
    axes.set_ylim(-0.4, len(named))
    _time_axis(axes, asked)


def _heatmap(axes: Axes, panel: Mapping[str, Any], asked: Asked) -> None:
    target = panel["targets"][0]
    found = asked.series(target)
    buckets = target.get("format") == "heatmap"
    if buckets:
        found.sort(key=lambda one: float(one.labels["le"]))
    times = sorted({at for one in found for at, _ in one.values})
    by_time = [dict(one.values) for one in found]
    rows = [[one.get(at, 0.0) for at in times] for one in by_time]
    if buckets:
        # Prometheus' buckets count all that is shorter, too.
        below = [[0.0] * len(times), *rows[:-1]]
        rows = [
            [max(0.0, here - under) for here, under in zip(row, lower, strict=True)]
            for row, lower in zip(rows, below, strict=True)
        ]
    axes.pcolormesh(times, range(len(rows)), rows, cmap="Oranges", shading="nearest")
    names = [
        _shown(float(one.labels["le"]), "s") if buckets else _legend(target, one) for one in found
    ]
    every = max(1, len(names) // 8)
    axes.set_yticks(range(0, len(names), every), names[::every])
    _time_axis(axes, asked)


def _table(axes: Axes, panel: Mapping[str, Any], asked: Asked) -> None:
    steps = {one["id"]: one["options"] for one in panel["transformations"]}
    if "groupingToMatrix" in steps:
        _matrix(axes, steps["groupingToMatrix"], asked.series(panel["targets"][0]), _unit(panel))
        return
    keys = [name for name in steps["organize"]["indexByName"] if not name.startswith("Value #")]
    units = {
        one["matcher"]["options"]: one["properties"][0]["value"]
        for one in panel["fieldConfig"]["overrides"]
    }
    names = [steps["organize"]["renameByName"][f"Value #{t['refId']}"] for t in panel["targets"]]
    cells: dict[tuple[str, ...], dict[str, float]] = {}
    for name, target in zip(names, panel["targets"], strict=True):
        for one in asked.series(target):
            row = tuple(one.labels.get(key, "") for key in keys)
            cells.setdefault(row, {})[name] = one.last
    order = sorted(cells, key=lambda row: -cells[row].get(names[0], -math.inf))[:_MOST_ROWS]
    text = [[*row, *(_shown(cells[row].get(name), units[name]) for name in names)] for row in order]
    axes.set_axis_off()
    if text:
        table = axes.table(text, colLabels=[*keys, *names], loc="upper center", cellLoc="right")
        table.set_fontsize(7)


def _matrix(axes: Axes, fields: Mapping[str, str], found: Sequence[Series], unit: str) -> None:
    row, column = fields["rowField"], fields["columnField"]
    rows = sorted({one.labels.get(row, "") for one in found}, key=_numerically)
    columns = sorted({one.labels.get(column, "") for one in found}, key=_numerically)
    values = [[0.0] * len(columns) for _ in rows]
    for one in found:
        place = rows.index(one.labels.get(row, "")), columns.index(one.labels.get(column, ""))
        values[place[0]][place[1]] = one.last
        shown = _shown(one.last, unit)
        axes.text(place[1], place[0], shown, fontsize=5, ha="center", va="center")
    axes.imshow(values, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(columns)), [name or "none" for name in columns])
    axes.set_yticks(range(len(rows)), [name or "none" for name in rows])
    axes.set_xlabel(column, fontsize=6)
    axes.set_ylabel(row, fontsize=6)


_DRAWN: Final = {
    "timeseries": _lines,
    "stat": _number,
    "state-timeline": _states,
    "heatmap": _heatmap,
    "table": _table,
}


def _legend(target: Mapping[str, Any], one: Series) -> str:
    text: str = target.get("legendFormat") or ""
    for name, value in one.labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    # matplotlib leaves out of a legend what begins with an underscore, and reads $ as mathematics.
    return text.split("{{")[0].strip().replace("$", r"\$").lstrip("_")


def _time_axis(axes: Axes, asked: Asked) -> None:
    axes.set_xlim(asked.start, asked.end)
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda at, _: _clock(at)))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6))


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")


def _numerically(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (-1, text)


def _unit(panel: Mapping[str, Any]) -> str:
    unit: str = panel["fieldConfig"]["defaults"]["unit"]
    return unit


def _shown(value: float | None, unit: str) -> str:
    if value is None or math.isnan(value):
        return "-"
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        for size, name in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "us")):
            if abs(value) >= 0.9995 * size:
                return f"{value / size:.3g} {name}"
        return f"{value * 1e9:.3g} ns" if value else "0"
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


@click.command()
@click.argument("prometheus")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--hours", type=float, default=0.5, help="How far back from --end.")
@click.option("--end", type=float, help="Seconds since 1970; now if left out.")
@click.option("--step", type=float, default=60, help="Seconds between two points.")
@click.option("--choose", multiple=True, help="VARIABLE=VALUE, or BOARD:VARIABLE=VALUE.")
@click.option("--caption", required=True, help="Where the data come from.")
def main(
    prometheus: str,
    folder: Path,
    hours: float,
    end: float | None,
    step: float,
    choose: tuple[str, ...],
    caption: str,
) -> None:
    """Draw every dashboard from the Prometheus at HOST:PORT into FOLDER."""
    until = time.time() if end is None else end
    choices = dict(one.split("=", 1) for one in choose)
    api, start = Prometheus(prometheus), until - hours * 3600
    said = f"{caption} Drawn by matplotlib from the panels' queries; not a screenshot of Grafana."
    for name in NAMES:
        board = json.loads((GRAFANA / f"{name}.json").read_text(encoding="utf-8"))
        path = folder / f"{name}.png"
        own = {key.removeprefix(f"{name}:"): value for key, value in choices.items()}
        asked = Asked(api, start, until, step, own)
        draw(board, asked, said).savefig(path)
        print(path, file=sys.stderr)


if __name__ == "__main__":
    main()
