# SPDX-License-Identifier: GPL-2.0-or-later
"""Grafana-managed alerts are the same alerts as those of Prometheus, in Grafana's words."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from dashboards.alerts import alerts
from dashboards.provisioning import nameless
from dashboards.thresholds import load
from tests.dashboards.boards import FOLDER

PATH: Final = FOLDER / "grafana/provisioning/alerting/immapscope.yaml"


def provisioned() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load(PATH.read_text())
    assert content["apiVersion"] == 1
    (group,) = content["groups"]
    assert group["folder"] == load().grafana.folder
    return {rule["title"]: rule for rule in group["rules"]}


def prometheus() -> dict[str, dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "prometheus/alerts.yaml").read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def query(rule: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in rule["data"] if one["refId"] == name]
    assert isinstance(found, dict)
    return found


def test_both_have_the_same_alerts_conditions_labels_and_times() -> None:
    ours, theirs = provisioned(), prometheus()
    assert list(ours) == list(theirs)
    for name, rule in ours.items():
        assert query(rule, "A")["model"]["expr"] == nameless(theirs[name]["expr"])
        assert rule["labels"] == theirs[name]["labels"]
        assert rule["for"] == theirs[name]["for"]
        runbook = rule["annotations"]["runbook_url"]
        assert runbook == theirs[name]["annotations"]["runbook_url"]


def test_a_series_fires_whatever_its_value_and_none_is_fine() -> None:
    for rule in provisioned().values():
        condition = query(rule, rule["condition"])["model"]
        assert (condition["type"], condition["expression"]) == ("threshold", "A")
        assert condition["conditions"] == [{"evaluator": {"type": "gt", "params": [-1]}}]
        assert rule["noDataState"] == "OK"


def test_every_name_in_a_text_is_a_label_or_a_query_of_the_rule() -> None:
    for name, rule in provisioned().items():
        text = rule["annotations"]["summary"] + rule["annotations"]["description"]
        asked = set(re.findall(r"\$\$values\.(\w+)", text))
        assert asked <= {one["refId"] for one in rule["data"]}, name
        assert "@" not in text
        assert "query" not in text


def test_no_dollar_is_taken_for_a_variable_of_grafanas_environment() -> None:
    for rule in provisioned().values():
        for text in rule["annotations"].values():
            assert not re.search(r"(?<!\$)\$(?!\$)", text.replace("$$", "")), text
    assert "$$" not in query(next(iter(provisioned().values())), "A")["model"]["expr"]


def test_uids_are_stable_short_and_different() -> None:
    uids = {rule["uid"] for rule in provisioned().values()}
    assert len(uids) == len(alerts(load()))
    assert "immap-wait-regression-cost" in uids
    assert all(re.fullmatch(r"[a-z-]{8,40}", uid) for uid in uids)
