# SPDX-License-Identifier: GPL-2.0-or-later
"""Every query of every panel, rule and alert, run by a real Prometheus that holds real series.

Series come from synthetic snapshots through the real exporter (history.py), backfilled to end now;
then Prometheus evaluates the shipped rules on them, every second instead of every minute.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dashboards import generate, names
from dashboards.alerts import alerts
from dashboards.provisioning import nameless
from dashboards.query import Prometheus, Series, filled_in
from dashboards.thresholds import Thresholds, load
from tests.dashboards import boards, history
from tests.lab_host.programs import backfill, prometheus

SIDES = (history.FIRST.release, history.SECOND.release)
#: Evaluated at once, from one sample on; what was accepted is the loader's.
FAST = {
    "evaluation": {"rates": "1s", "baseline": "1s"},
    "regression": {"baseline_from_at_least": "1s"},
    "accepted": [{"since": "2026-01-01T00:00:00Z", "file": r"ld-linux.*"}],
}


@dataclass(frozen=True)
class Evaluated:
    """A Prometheus whose rules have come to rest, and the time at which the history ends."""

    api: Prometheus
    thresholds: Thresholds
    end: float

    def over_time(self, expr: str) -> list[Series]:
        """The expression over the whole history."""
        start = self.end - (history.STEPS - 1) * history.STEP
        return self.api.range(expr, start, self.end, history.STEP)


@pytest.fixture(scope="module")
def evaluated(promtool: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluated]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "thresholds.yaml").write_text(json.dumps(FAST))
    thresholds = load([folder / "thresholds.yaml"])
    generate.write(thresholds, folder)
    end = float(int(time.time()))
    backfill(folder, history.samples(end))
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(folder / "prometheus" / "*.yaml")],
    }
    with prometheus(folder, json.dumps(config)) as server:
        api = Prometheus(server.address)
        deadline = time.monotonic() + 60
        while without_series(api) and time.monotonic() < deadline:
            time.sleep(0.2)
        yield Evaluated(api, thresholds, end)


def without_series(api: Prometheus) -> set[str]:
    """The recording rules that have recorded nothing."""
    recorded = {str(rule["name"]) for rule in api.rules() if rule["type"] == "recording"}
    return {name for name in recorded if not api.instant(name)}


def asked(expr: str, left: str = ".+", right: str = ".+") -> str:
    """A panel's expression as Grafana sends it; everything is chosen, but for releases."""
    choices = {"job": ".+", "instance": ".+", "left_release": left, "right_release": right}
    return filled_in(expr, choices, "4m", "30m")


def targets() -> list[Any]:
    return [
        pytest.param(target, id=f"{name}: {panel['title']}: {target['refId']}")
        for name in boards.NAMES
        for panel in boards.panels(name)
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("target", targets())
def test_a_panel_has_data(evaluated: Evaluated, target: dict[str, Any]) -> None:
    expr = asked(target["expr"])
    if target.get("instant"):
        found = evaluated.api.instant(expr, evaluated.end)
    elif names.COST.baseline in expr:
        # The rules recorded it only now.
        found = evaluated.api.instant(expr)
    else:
        found = evaluated.over_time(expr)
    assert found
    assert any(not math.isnan(value) for series in found for _, value in series.values)


@pytest.mark.parametrize(
    "variable",
    [
        pytest.param(variable, id=f"{name}: {variable['name']}")
        for name in boards.NAMES
        for variable in boards.variables(name)
        if variable["type"] == "query"
    ],
)
def test_a_variable_offers_values(evaluated: Evaluated, variable: dict[str, Any]) -> None:
    query = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
    assert query
    values = evaluated.api.label_values(asked(query[1]), query[2])
    expected = {
        "job": {history.JOB},
        "instance": {host.instance for host in history.HOSTS},
        "file": {"libc.so.6", "libhot.so"},
        "release": {history.FIRST.release, history.SECOND.release, history.SPLIT.release},
        "shard_policy": {"node"},
    }
    assert values >= expected[query[2]]


def test_every_rule_was_evaluated_without_an_error_or_a_warning(evaluated: Evaluated) -> None:
    rules = evaluated.api.rules()
    assert len(rules) > 30
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_every_recording_rule_has_series(evaluated: Evaluated) -> None:
    assert without_series(evaluated.api) == set()


def test_every_alert_is_true_of_the_host_and_file_it_is_about(evaluated: Evaluated) -> None:
    true_of = {
        alert.name: {
            (one.labels.get("instance"), one.labels.get("file"))
            for one in evaluated.api.instant(alert.expr)
        }
        for alert in alerts(evaluated.thresholds)
    }
    assert true_of == {
        "ImmapWaitRegressionCost": {("db1", "libc.so.6")},
        "ImmapWaitRegressionLoad": {("db2", "libc.so.6")},
        "ImmapShardHot": {("db2", "libhot.so")},
        "ImmapSweepsDominate": {("db2", "libswept.so")},
        "ImmapEventsLost": {("db2", None)},
        "ImmapAgentDown": {("db3", None)},
        "ImmapProbesGone": {("db3", None)},
        "ImmapSnapshotStale": {("db3", None)},
    }


def test_what_a_grafana_managed_alert_looks_up_has_the_labels_of_its_condition(
    evaluated: Evaluated,
) -> None:
    looked_up = 0
    for alert in alerts(evaluated.thresholds):
        conditions = evaluated.api.instant(nameless(alert.expr))
        assert conditions
        for detail in alert.details:
            found = evaluated.api.instant(detail.grafana_query())
            for condition in conditions:
                # Grafana gives a template the values whose labels include those of the alert.
                matching = [one for one in found if one.labels.items() >= condition.labels.items()]
                has_no_previous = detail.name == "Previous" and alert.labels["kind"] == "load"
                assert len(matching) == (0 if has_no_previous else 1), (alert.name, detail.name)
                looked_up += 1
    assert looked_up > 10


def test_two_boots_of_one_host_are_told_apart(evaluated: Evaluated) -> None:
    (panel,) = [one for one in boards.panels("compare-kernels") if one["title"] == "Files"]
    found = {
        target["refId"]: {
            one.labels["file"]: one.last
            for one in evaluated.api.instant(asked(target["expr"], *SIDES), evaluated.end)
        }
        for target in panel["targets"]
    }
    # db1's libc.so.6: 60 waits of 40 ms and 60 of 60 ms for 6000 operations, then four times that.
    assert found["B"]["libc.so.6"] == pytest.approx(0.001, rel=0.01)
    assert found["C"]["libc.so.6"] == pytest.approx(0.004, rel=0.01)
    assert found["A"]["libc.so.6"] == pytest.approx(4, rel=0.01)
    assert found["A"]["ld-linux-x86-64.so.2"] == pytest.approx(1, rel=0.01)


def test_a_side_has_no_data_while_the_other_kernel_ran(evaluated: Evaluated) -> None:
    (panel,) = [
        one
        for one in boards.panels("compare-kernels")
        if one["title"] == "Left: wait per tree operation"
    ]
    found = evaluated.over_time(asked(panel["targets"][0]["expr"], *SIDES))
    boot = evaluated.end - (history.STEPS - history.REBOOT.stop - 1) * history.STEP
    assert found
    assert all(at < boot for series in found for at, _ in series.values)


def test_a_hostile_file_name_can_be_asked_for(evaluated: Evaluated) -> None:
    shown = r"a\"b\\x5cc\\x0a{é}\\xff"
    (found,) = evaluated.api.instant(f'{names.FILE_WAIT}{{file="{shown}"}}')
    assert found.labels["file"] == r'a"b\x5cc\x0a{é}\xff'
    assert found.last == pytest.approx(0.01)
