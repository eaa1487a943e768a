# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether compare was right is told by what it says of both sides."""

import json
from pathlib import Path

import pytest

from lab import cli, injected

SAME = "no difference that these runs can show"


def test_the_sides_take_turns_and_differ_in_their_holds_alone() -> None:
    lines = injected.work().split(" && ")
    holds = [line.split()[1] for line in lines if line.endswith("hold_us")]
    assert holds == ["5000", "6000", "5000"] * injected.RUNS
    traces = [line for line in lines if line.startswith("immapscope")]
    assert len({line.partition(" -- ")[2] for line in traces}) == 1
    assert len({line.partition("--output ")[2].split()[0] for line in traces}) == len(traces)


@pytest.mark.parametrize(
    ("slower", "again", "status"), [("worse", SAME, 0), (SAME, SAME, 1), ("worse", "worse", 1)]
)
def test_both_answers_count(
    slower: str, again: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = {"slower": slower, "again": again}
    monkeypatch.setattr(injected, "measure", lambda keep: None)
    monkeypatch.setattr(
        injected, "compared", lambda keep, side, form: json.dumps({"verdict": verdicts[side]})
    )
    assert injected.main(["--keep", str(tmp_path)]) == status


def test_a_guest_that_fails_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 3)
    assert injected.main(["--keep", str(tmp_path)]) == 70
    assert capsys.readouterr().err == "injected: the sleepers on single ended with status 3\n"
