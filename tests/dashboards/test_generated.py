# SPDX-License-Identifier: GPL-2.0-or-later
"""What is committed is what the generator makes, all of it and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards import generate
from dashboards.__main__ import main
from dashboards.thresholds import load
from tests.dashboards.boards import FOLDER


@pytest.mark.parametrize("name", generate.FILES)
def test_the_committed_file_is_the_generated_one(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == generate.FILES[name](load()), "run python3 -m dashboards, then commit"


def test_no_file_is_left_over_from_before() -> None:
    kept = {
        str(path.relative_to(FOLDER))
        for folder in ("grafana", "prometheus")
        for path in (FOLDER / folder).rglob("*")
        if path.is_file() and "tests" not in path.parts[len(FOLDER.parts) :]
    }
    assert kept == set(generate.FILES)


def test_the_command_writes_all_with_other_thresholds_elsewhere(tmp_path: Path) -> None:
    thresholds = tmp_path / "ours.yaml"
    thresholds.write_text("runbook_base: https://wiki.corp.example/immap/\nrate_window: 7m\n")
    done = CliRunner().invoke(
        main, ["--thresholds", str(thresholds), "--output", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    alerts = (tmp_path / "out/prometheus/alerts.yaml").read_text()
    assert "runbook_url: https://wiki.corp.example/immap/ImmapShardHot.md\n" in alerts
    assert "[7m]" in (tmp_path / "out/prometheus/recording.yaml").read_text()
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert written == set(generate.FILES)


def test_the_command_says_in_one_line_what_is_wrong_with_thresholds(tmp_path: Path) -> None:
    thresholds = tmp_path / "ours.yaml"
    thresholds.write_text("regression: {wurse: 3}\n")
    done = CliRunner().invoke(main, ["--thresholds", str(thresholds), "--output", str(tmp_path)])
    assert done.exit_code == 2
    assert done.output.splitlines() == [
        f"dashboards: {thresholds}: regression.wurse: Extra inputs are not permitted"
    ]
    assert not (tmp_path / "prometheus").exists()
