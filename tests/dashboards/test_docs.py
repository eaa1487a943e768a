# SPDX-License-Identifier: GPL-2.0-or-later
"""What docs/alerts.md and docs/monitoring.md say is so: configurations, names, numbers, links."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from dashboards.alerts import alerts
from dashboards.thresholds import load
from tests.dashboards.boards import FOLDER, NAMES, panels
from tests.dashboards.test_rules import RULES, promtool_says

DOCS: Final = FOLDER.parent / "docs"
PAGES: Final = (DOCS / "alerts.md", DOCS / "monitoring.md", *sorted(DOCS.glob("runbooks/*.md")))


def blocks(page: Path) -> list[dict[str, object]]:
    """The blocks of YAML in a page."""
    texts = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [yaml.safe_load(text) for text in texts]


def test_prometheus_accepts_the_configurations(promtool: str, tmp_path: Path) -> None:
    found = [one for one in blocks(DOCS / "monitoring.md") if "exporter" not in one]
    assert len(found) == 3
    for number, one in enumerate(found):
        path = tmp_path / f"{number}.yaml"
        path.write_text(json.dumps(one))
        promtool_says(promtool, "check", "config", "--syntax-only", str(path))


def test_the_thresholds_in_the_pages_can_be_used(tmp_path: Path) -> None:
    found = [*blocks(DOCS / "alerts.md"), *blocks(DOCS / "runbooks/ImmapWaitRegressionCost.md")]
    assert len(found) == 2
    for number, one in enumerate(found):
        path = tmp_path / f"{number}.yaml"
        path.write_text(json.dumps(one, default=str))
        load([path])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_recorded_series_that_a_page_names_is_recorded() -> None:
    recorded = {
        rule["record"]
        for group in yaml.safe_load((RULES / "recording.yaml").read_text())["groups"]
        for rule in group["rules"]
    }
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`(\w+:immap_\w+:\w+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 8
    assert named <= recorded


def test_the_table_of_alerts_has_each_with_its_severity_and_its_time() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| \**(\w+)\** \| .* \| (\w+) \|$",
        (DOCS / "alerts.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [(one.name, one.name, one.severity, one.for_) for one in alerts(load())]


def test_what_remote_write_keeps_is_what_a_central_place_needs() -> None:
    (kept,) = [one for one in blocks(DOCS / "monitoring.md") if "remote_write" in one]
    pattern = re.compile(kept["remote_write"][0]["write_relabel_configs"][0]["regex"])  # type: ignore[index]
    assert pattern.fullmatch("job_release_file:immap_wait_per_tree_operation:seconds")
    assert pattern.fullmatch("instance_file:immap_wait_per_tree_operation:baseline")
    assert not pattern.fullmatch("immap_wait_seconds_total")
    assert not pattern.fullmatch("instance_file:immap_wait_per_tree_operation:calm")


def test_the_panels_that_runbooks_name_are_there() -> None:
    titles = [panel["title"] for name in NAMES for panel in panels(name)]
    elsewhere = {"Accept a new normal", "Targets"}
    for page in DOCS.glob("runbooks/*.md"):
        quoted = set(re.findall(r'"([A-Z][^"]+)"', page.read_text(encoding="utf-8")))
        for name in quoted - elsewhere:
            assert any(title.startswith(" ".join(name.split())) for title in titles), name
