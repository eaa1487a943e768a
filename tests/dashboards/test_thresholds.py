# SPDX-License-Identifier: GPL-2.0-or-later
"""thresholds.yaml and files over it: strict, and merged key by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.thresholds import ThresholdsError, load, seconds


def over(tmp_path: Path, text: str) -> list[Path]:
    path = tmp_path / "over.yaml"
    path.write_text(text)
    return [path]


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("5m", 300), ("7d", 604_800), ("1h30m", 5_400)]
)
def test_a_duration_of_promql_in_seconds(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "5 m", "1.5h", "-5m", "5m!"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


def test_a_file_replaces_only_what_it_names(tmp_path: Path) -> None:
    shipped = load()
    ours = load(over(tmp_path, "regression: {worse: 4, baseline: 14d}\n"))
    assert (ours.regression.worse, ours.regression.baseline) == (4, "14d")
    assert ours.regression.for_ == shipped.regression.for_
    assert ours.rate_window == shipped.rate_window


def test_the_last_file_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("job: a\nrate_window: 9m\n")
    second.write_text("job: b\n")
    ours = load([first, second])
    assert (ours.job, ours.rate_window) == ("b", "9m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regression: {wurse: 3}", "regression.wurse: "),
        ("regression: {worse: 0.5}", "regression.worse: "),
        ("rate_window: soon", "rate_window: "),
        ("hot_shard: {share: 1.5}", "hot_shard.share: "),
        ("accepted: [{since: yesterday}]", "accepted.0.since: "),
        ("accepted: [{since: 2026-06-11T12:00:00}]", "accepted.0.since: "),
        ("accepted: [{since: 2026-06-11T12:00:00Z, file: '['}]", "accepted.0.file: "),
        ("- a list", "holds no mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ThresholdsError, match=r"over\.yaml: ") as refused:
        load(over(tmp_path, text))
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match=r"nowhere\.yaml"):
        load([tmp_path / "nowhere.yaml"])


def test_an_accepted_time_is_one_label_whatever_its_zone(tmp_path: Path) -> None:
    (ours,) = load(over(tmp_path, "accepted: [{since: 2026-06-11T14:00:00+02:00}]")).accepted
    assert ours.label == "2026-06-11T12:00:00Z"
    assert ours.epoch == 1_781_179_200


def test_a_baseline_needs_as_many_samples_as_fit_into_its_least_time() -> None:
    assert load().baseline_samples == 24
