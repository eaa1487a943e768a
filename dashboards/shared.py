# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dashboards share: the data source, variables, selectors, and the frame around panels.

The rules of Grafana's dashboard-linter hold (tests/dashboards/test_linter.py): every selector has
the matchers of job and instance, and every rate has the range $__rate_interval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="$datasource")
#: Matchers of every selector, and those of a metric that has a file.
HOSTS: Final = 'job=~"$job", instance=~"$instance"'
FILES: Final = f'{HOSTS}, file=~"$file"'

SECONDS: Final = units.Seconds
PER_SECOND: Final = units.OpsPerSecond
NUMBER: Final = units.Short
SHARE: Final = units.PercentUnit
TIMES: Final = units.NoUnit

Panel: TypeAlias = Builder[models.Panel]


def rate(metric: str, matchers: str = FILES) -> str:
    """The rate of a counter, over what Grafana knows to span four scrapes."""
    return f"rate({metric}{{{matchers}}}[$__rate_interval])"


def summed(metric: str, by: str, matchers: str = FILES) -> str:
    """The rate of a counter, summed over all labels but `by`."""
    return f"sum by ({by}) ({rate(metric, matchers)})"


def variable(
    name: str, label: str, metric: str, of: str = "", every: str = ".+"
) -> Builder[models.VariableModel]:
    """A choice of values of the label `of` (or `name`) among those that `metric` has."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(f"label_values({metric}, {of or name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(every)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def board(title: str, uid: str, description: str) -> dashboard.Dashboard:
    """A dashboard with the variables that all have: data source, job, instance, file."""
    return (
        dashboard.Dashboard(f"immapscope / {title}")
        .uid(uid)
        .description(description)
        .tags(["immapscope"])
        .readonly()
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("immapscope")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["immapscope"])
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(variable("job", "Job", "immap_kernel_info"))
        .with_variable(variable("instance", "Instance", 'immap_kernel_info{job=~"$job"}'))
        .with_variable(variable("file", "File", f"immap_wait_seconds_total{{{HOSTS}}}"))
    )


def rows(into: dashboard.Dashboard, content: Mapping[str, Sequence[Panel]]) -> dashboard.Dashboard:
    """Panels under headings, each panel with a number of its own."""
    number = 0
    for title, panels in content.items():
        into.with_row(dashboard.Row(title))
        for panel in panels:
            number += 1
            panel.build().id_val = number
            into.with_panel(panel)
    return into


def text(of: dashboard.Dashboard) -> str:
    """The JSON that Grafana imports."""
    return json.dumps(of.build(), cls=JSONEncoder, sort_keys=True, indent=2) + "\n"
