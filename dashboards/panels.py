# SPDX-License-Identifier: GPL-2.0-or-later
"""Panels of each kind, with our defaults: every one has a title, a description and a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import (
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common, units
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.shared import DATASOURCE, PER_SECOND, SECONDS, TIMES, Panel


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of PromQL and how its series are called (a legend of Grafana)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what is computed for each row, its name, its unit."""

    expr: str
    name: str
    unit: str


def _targets(queries: Sequence[Query], instant: bool = False) -> list[prometheus.Dataquery]:
    targets = []
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(query.expr).datasource(DATASOURCE)
        if query.legend:
            target.legend_format(query.legend)
        targets.append(target.instant() if instant else target.range())
    return targets


def lines(
    title: str, unit: str, description: str, *queries: Query, span: int = 12, stacked: bool = False
) -> Panel:
    """Series over time; stacked where their sum means something."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(8)
        .line_width(1)
        .fill_opacity(30 if stacked else 0)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.RIGHT)
            .show_legend(True)
            .calcs(["mean", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .targets(list(_targets(queries)))
    )
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    return panel


def number(
    title: str,
    unit: str,
    description: str,
    expr: str,
    *,
    span: int = 4,
    decimals: int | None = None,
) -> Panel:
    """One number, with its course behind it."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(span)
        .height(4)
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .targets(list(_targets([Query(expr)])))
    )
    return panel if decimals is None else panel.decimals(decimals)


def states(title: str, description: str, query: Query, *, span: int = 24) -> Panel:
    """Which of several series there was at each time; their value is always 1."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(TIMES)
        .span(span)
        .height(5)
        .show_value(common.VisibilityMode.NEVER)
        .targets(list(_targets([query])))
    )


def histogram(title: str, description: str, expr: str, *, span: int = 12) -> Panel:
    """The buckets of a classic histogram over time."""
    target = (
        prometheus.Dataquery()
        .ref_id("A")
        .expr(expr)
        .datasource(DATASOURCE)
        .format(PromQueryFormat.HEATMAP)
        .legend_format("{{le}}")
        .range()
    )
    return (
        _heatmap(title, description, span)
        .y_axis(heatmap.YAxisConfig().unit(SECONDS))
        .cell_values(heatmap.CellValues().unit(PER_SECOND))
        .unit(PER_SECOND)
        .with_target(target)
    )


def bands(title: str, unit: str, description: str, query: Query, *, span: int = 12) -> Panel:
    """Each series a band over time, its value a colour."""
    return (
        _heatmap(title, description, span)
        .cell_values(heatmap.CellValues().unit(unit))
        .unit(unit)
        .targets(list(_targets([query])))
    )


def _heatmap(title: str, description: str, span: int) -> heatmap.Panel:
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(span)
        .height(8)
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
        )
        .show_legend()
        .show_tooltip()
    )


def matrix(
    title: str, unit: str, description: str, expr: str, row: str, column: str, *, span: int = 12
) -> Panel:
    """The labels `row` and `column` of an expression as a table with coloured cells."""
    into_matrix = models.DataTransformerConfig(
        id_val="groupingToMatrix",
        options={
            "rowField": row,
            "columnField": column,
            "valueField": "Value",
            "emptyValue": "zero",
        },
    )
    target = _targets([Query(expr)], instant=True)[0].format(PromQueryFormat.TABLE)
    return (
        _table(title, description, span)
        .unit(unit)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
        .override_by_name(f"{row}\\{column}", [models.DynamicConfigValue("unit", units.String)])
        .override_by_field_type(
            "number",
            [
                models.DynamicConfigValue(
                    "custom.cellOptions", {"type": "color-background", "mode": "gradient"}
                )
            ],
        )
        .with_transformation(into_matrix)
        .with_target(target)
    )


def columns(
    title: str, description: str, keys: Sequence[str], content: Sequence[Column], *, span: int = 24
) -> Panel:
    """A row for each value of `keys`, a column for each expression, the first one sorted by."""
    targets = _targets([Query(column.expr) for column in content], instant=True)
    names = {
        f"Value #{letter}": column.name for letter, column in zip("ABCDEFGH", content, strict=False)
    }
    order = {name: index for index, name in enumerate((*keys, *names))}
    panel = (
        _table(title, description, span)
        .unit(content[0].unit)
        .sort_by([common_builders.TableSortByFieldState().display_name(content[0].name).desc(True)])
        .targets([target.format(PromQueryFormat.TABLE) for target in targets])
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": order,
                    "renameByName": names,
                },
            )
        )
    )
    for column in content:
        panel.override_by_name(column.name, [models.DynamicConfigValue("unit", column.unit)])
    return panel


def _table(title: str, description: str, span: int) -> table.Panel:
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(span)
        .height(9)
        .show_header(True)
    )
