# SPDX-License-Identifier: GPL-2.0-or-later
"""The same alerts as Grafana-managed ones, for those who let Grafana evaluate alerts.

Grafana reads them from a file of alert provisioning. They query what the recording rules record, so
Prometheus must have those; what the texts name besides is queried along (refIds other than A and
Condition), since Grafana's templates cannot query.
"""

from __future__ import annotations

import re
from typing import Final

from dashboards.alert import Alert
from dashboards.alerts import alerts
from dashboards.rulefile import HEADER, dump
from dashboards.thresholds import Thresholds, seconds

_EXPRESSION: Final = "__expr__"


def text(thresholds: Thresholds) -> str:
    """grafana/provisioning/alerting/immapscope.yaml."""
    group = {
        "orgId": 1,
        "name": "immapscope",
        "folder": thresholds.grafana.folder,
        "interval": thresholds.evaluation.rates,
        "rules": [rule(alert, thresholds) for alert in alerts(thresholds)],
    }
    return HEADER + dump({"apiVersion": 1, "groups": [group]})


def rule(alert: Alert, thresholds: Thresholds) -> dict[str, object]:
    """One Grafana-managed alert rule, as a provisioning file has it."""
    queries = [("A", nameless(alert.expr)), *((d.name, d.grafana_query()) for d in alert.details)]
    return {
        "uid": _uid(alert.name),
        "title": alert.name,
        "condition": "Condition",
        "data": [*(_query(name, expr, thresholds) for name, expr in queries), _CONDITION],
        # No series: the expression is true of nothing, which is what is hoped for.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": alert.for_,
        "labels": alert.all_labels(),
        "annotations": {
            "summary": _escaped(alert.for_grafana(alert.summary)),
            "description": _escaped(alert.for_grafana(alert.description)),
            "runbook_url": alert.runbook_url(thresholds.runbook_base),
        },
    }


def nameless(expr: str) -> str:
    """The expression without the name of a metric in its series.

    Grafana keeps it as a label, and gives templates only values whose labels include the alert's.
    """
    return f"max without () (\n{expr.strip()}\n)\n"


def _uid(name: str) -> str:
    """`ImmapShardHot` as `immap-shard-hot`: what Grafana knows a rule by when its title changes."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _query(name: str, expr: str, thresholds: Thresholds) -> dict[str, object]:
    uid = thresholds.grafana.datasource_uid
    return {
        "refId": name,
        "relativeTimeRange": {"from": 2 * seconds(thresholds.rate_window), "to": 0},
        "datasourceUid": uid,
        "model": {
            "refId": name,
            "datasource": {"type": "prometheus", "uid": uid},
            "editorMode": "code",
            "expr": expr,
            "instant": True,
            "range": False,
        },
    }


#: An expression of Prometheus fires for each series that it gives, whatever the value; ours are
#: never below 0.
_CONDITION: Final = {
    "refId": "Condition",
    "datasourceUid": _EXPRESSION,
    "model": {
        "refId": "Condition",
        "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION},
        "type": "threshold",
        "expression": "A",
        "conditions": [{"evaluator": {"type": "gt", "params": [-1]}}],
    },
}


def _escaped(template: str) -> str:
    # Grafana puts variables of its environment for $NAME in these files; $$ is a dollar.
    return template.replace("$", "$$")
