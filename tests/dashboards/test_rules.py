# SPDX-License-Identifier: GPL-2.0-or-later
"""promtool on the shipped rules, on rules with short windows, and what every alert must have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from dashboards import generate
from dashboards.thresholds import load, seconds
from tests.dashboards.boards import FOLDER

RULES: Final = FOLDER / "prometheus"
TESTS: Final = RULES / "tests"
SHORT: Final = TESTS / "short_windows"
RUNBOOKS: Final = FOLDER.parent / "docs" / "runbooks"


def promtool_says(promtool: str, *words: str) -> str:
    # It runs for a second and need not be thrifty: a fifth of that was looking for garbage.
    done = subprocess.run(
        [promtool, *words],
        check=False, capture_output=True, text=True, env={**os.environ, "GOGC": "800"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((RULES / "alerts.yaml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def test_promtool_accepts_the_rules(promtool: str) -> None:
    said = promtool_says(
        promtool, "check", "rules", str(RULES / "recording.yaml"), str(RULES / "alerts.yaml")
    )
    assert said.count("SUCCESS") == 2


@pytest.mark.parametrize("path", sorted(TESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_rules_do_what_their_tests_say(promtool: str, path: Path) -> None:
    assert "SUCCESS" in promtool_says(promtool, "test", "rules", str(path))


def test_rules_with_short_windows_do_what_their_tests_say(promtool: str, tmp_path: Path) -> None:
    generate.write(load([SHORT / "thresholds.yaml"]), tmp_path)
    folder = tmp_path / "prometheus" / "tests" / "short_windows"
    folder.mkdir(parents=True)
    copied = shutil.copy(SHORT / "baseline.yaml", folder)
    assert "SUCCESS" in promtool_says(promtool, "test", "rules", str(copied))


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_how_urgent_what_where_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert seconds(alert["for"]) >= 300
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert "$labels.instance" in notes["summary"]
    assert len(notes["description"]) > 60
    assert "@" not in notes["summary"] + notes["description"]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_has_the_runbook_that_its_url_names(alert: dict[str, Any]) -> None:
    base, _, name = alert["annotations"]["runbook_url"].rpartition("/")
    assert base == load().runbook_base
    text = (RUNBOOKS / name).read_text(encoding="utf-8")
    assert text.startswith(f"# {alert['alert']}\n")


def test_no_runbook_is_left_over() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert["alert"] for alert in alerts()}


def test_only_a_dearer_lock_at_equal_load_pages() -> None:
    pages = [alert["alert"] for alert in alerts() if alert["labels"]["severity"] == "page"]
    assert pages == ["ImmapWaitRegressionCost"]


def test_every_alert_is_shown_to_fire_and_not_to_fire() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in TESTS.glob("*.yaml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for one in test.get("alert_rule_test", []):
                (fires if one.get("exp_alerts") else silent).add(one["alertname"])
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    # Where the test of firing also has series that must not: exp_alerts is the whole list.
    assert silent >= names - {"ImmapEventsLost", "ImmapSweepsDominate"}
