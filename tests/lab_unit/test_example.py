# SPDX-License-Identifier: GPL-2.0-or-later
"""The worked example's sentence says what was found, and its page has a place for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import example
from lab.errors import LabError
from lab.trial import Trial


def test_the_sentence_has_what_was_predicted_and_what_was_measured() -> None:
    ratios = {"single": 1.0, "node": 0.123}
    prediction = {"predictions": [{"policy": name, "ratio": one} for name, one in ratios.items()]}
    side = {"runs": 5, "kernel": {"release": "6.12-single", "nodes": 4, "cpus": 8}}
    other = {"runs": 5, "kernel": {**side["kernel"], "release": "6.12-split"}}  # type: ignore[dict-item]
    headline = {"ratio": 0.0987, "interval": [0.05, 0.15], "p": 0.0079}
    said = example.sentence(prediction, {"a": side, "b": other, "measures": [headline]})
    for part in (
        "On 4 nodes with 8 CPUs", "0.099 times as long", "(6.12-split) as with one (6.12-single)",
        "95 % interval 0.05 to 0.15, 5 runs of each, p = 0.0079", "0.12 times.",
    ):  # fmt: skip
        assert part in said


def test_both_kernels_run_the_same_storm_as_often_and_one_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts: dict[str, str] = {}

    def boot(self: Trial, what: str, script: str, workloads: list[str], into: Path) -> None:
        assert (workloads, into) == (["execstorm"], tmp_path)
        scripts[self.kernel] = script

    monkeypatch.setattr(Trial, "boot", boot)
    example.measure(tmp_path)
    assert list(scripts) == ["single", "split"]
    assert "record" in scripts["single"]
    warm, _, once = scripts["split"].partition(" && ")
    assert scripts["single"].endswith(once.replace("split", "single"))
    for script in scripts.values():
        assert script.startswith(warm)
        assert "immapscope" not in warm
        assert "for run in 1 2 3 4 5;" in script
    for part in ("$OUT/single.parquet", "$OUT/'$kernel'/$run.json", "./execstorm 16 50x"):
        assert part in example.PAGE.read_text()


def test_a_kernel_that_does_not_boot_leaves_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(keep: Path) -> None:
        raise LabError("the storm on split ended with status 124")

    before = example.PAGE.read_text()
    monkeypatch.setattr(example, "measure", fails)
    assert example.main(["--write"]) == 70
    assert capsys.readouterr().err == "example: the storm on split ended with status 124\n"
    assert example.PAGE.read_text() == before


def test_the_page_has_a_place_for_each_part() -> None:
    text = example.PAGE.read_text()
    for part in example.PARTS:
        assert f"<!-- {part} -->" in text
