# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules that Grafana's dashboard-linter checks of dashboards with a Prometheus data source.

Named as there. They ask nothing of heat maps and state timelines; here all kinds of panels obey.
Valid PromQL (target-promql-rule, template-label-promql-rule) is what test_queries.py runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.models import units

from tests.dashboards.boards import NAMES, board, panels, variables

UNITS = {value for name, value in vars(units).items() if name[0].isupper()}

pytestmark = pytest.mark.parametrize("name", NAMES)


def queries(name: str) -> Iterator[str]:
    for panel in panels(name):
        for target in panel["targets"]:
            yield target["expr"]


def selectors(expr: str) -> list[tuple[str, str]]:
    """Each metric with its matchers. Recorded names have colons; nothing else is followed by {."""
    return re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}", expr)


def test_template_datasource_rule(name: str) -> None:
    sources = [one for one in variables(name) if one["type"] == "datasource"]
    assert [(one["name"], one["label"], one["query"]) for one in sources] == [
        ("datasource", "Data source", "prometheus")
    ]


@pytest.mark.parametrize("wanted", ["job", "instance"])
def test_template_job_and_instance_rules(name: str, wanted: str) -> None:
    (one,) = [one for one in variables(name) if one["name"] == wanted]
    assert one["type"] == "query"
    assert one["label"] == wanted.title()
    assert one["datasource"]["uid"] == "$datasource"
    assert one["multi"] is True
    assert one["allValue"] == ".+"


def test_template_on_time_change_reload_rule(name: str) -> None:
    asked = [one for one in variables(name) if one["type"] == "query"]
    assert {one["refresh"] for one in asked} == {2}


def test_panel_datasource_rule(name: str) -> None:
    for panel in panels(name):
        assert panel["datasource"]["uid"] == "$datasource", panel["title"]
        assert {one["datasource"]["uid"] for one in panel["targets"]} == {"$datasource"}


def test_panel_title_description_rule(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]


def test_panel_units_rule(name: str) -> None:
    for panel in panels(name):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        for override in panel["fieldConfig"].get("overrides") or []:
            for one in override["properties"]:
                assert one["id"] != "unit" or one["value"] in UNITS, panel["title"]


def test_panel_no_targets_rule(name: str) -> None:
    assert all(panel["targets"] for panel in panels(name))


def test_target_rate_interval_rule(name: str) -> None:
    for expr in queries(name):
        ranges = re.findall(r"\b(?:rate|irate|increase)\([^()]*\[([^]]*)\]\)", expr)
        assert expr.count("rate(") == len(ranges)
        assert set(ranges) <= {"$__rate_interval"}


@pytest.mark.parametrize("label", ["job", "instance"])
def test_target_job_and_instance_rules(name: str, label: str) -> None:
    for expr in queries(name):
        found = selectors(expr)
        assert found, expr
        for metric, matchers in found:
            assert f'{label}=~"${label}"' in matchers.split(", "), (metric, expr)


def test_every_metric_has_matchers(name: str) -> None:
    """Else the two rules above would not see it."""
    for expr in queries(name):
        bare = re.findall(r"(?<![\w:])(?:up|immap_\w+|\w+:immap_\w+:\w+)(?![\w:{])", expr)
        assert not bare, expr


def test_target_counter_agg_rule(name: str) -> None:
    for expr in queries(name):
        for metric, _ in selectors(expr):
            if metric.endswith("_total"):
                assert expr.count(f"{metric}{{") == expr.count(f"rate({metric}{{"), expr


def test_uneditable_dashboard(name: str) -> None:
    assert board(name)["editable"] is False


def test_a_panel_has_a_number_and_a_place_of_its_own(name: str) -> None:
    assert len({panel["id"] for panel in panels(name)}) == len(panels(name))
    taken: set[tuple[int, int]] = set()
    for panel in board(name)["panels"]:
        at: dict[str, Any] = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
