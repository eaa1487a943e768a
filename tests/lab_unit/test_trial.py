# SPDX-License-Identifier: GPL-2.0-or-later
"""A trial boots what it is told, and what fails, there or here, is one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import cli, trial
from lab.errors import LabError
from lab.trial import Trial, immapscope


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What lab/vm was told; nothing is booted, and all ends well."""
    seen: list[Sequence[str]] = []

    def boot(words: Sequence[str]) -> int:
        seen.append(words)
        return 0

    monkeypatch.setattr(cli, "main", boot)
    monkeypatch.setattr("lab.workloads.build.build", lambda name: Path("/built") / name)
    return seen


def test_it_is_booted_as_it_says(tmp_path: Path, booted: list[Sequence[str]]) -> None:
    Trial("split", "12x2", "i_mmap_shards=cpu", 7).boot("it", "true", ["one", "two"], tmp_path)
    (words,) = booted
    given = dict(zip(words[::2], words[1::2], strict=False))
    assert given["--kernel"] == "split"
    assert given["--topology"] == "12x2"
    assert given["--append"] == "i_mmap_shards=cpu"
    assert given["--timeout"] == "7"
    assert given["--out"] == str(tmp_path)
    assert [words[at + 1] for at, word in enumerate(words) if word == "--file"] == [
        "/built/one",
        "/built/two",
    ]
    assert words[words.index("--") :] == ["--", "sh", "-c", "true"]


def test_a_kernel_that_is_told_nothing_has_an_empty_command_line_from_us(
    tmp_path: Path, booted: list[Sequence[str]]
) -> None:
    Trial("single").boot("it", "true", [], tmp_path)
    assert "--append" not in booted[0]


def test_a_guest_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 124)
    with pytest.raises(LabError, match=r"^the storm on split ended with status 124$"):
        Trial("split").boot("the storm", "true", [], tmp_path)


def test_what_the_agent_refuses_is_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "immapscope"
    agent.write_text(
        "#!/bin/sh\necho told \"$@\"\ntest $1 = good || { echo 'bad: no' >&2; exit 2; }"
    )
    agent.chmod(0o755)
    monkeypatch.setattr(trial, "_AGENT", agent)
    assert immapscope("good", Path("file")) == "told good file\n"
    with pytest.raises(LabError, match=r"^immapscope: bad: no$"):
        immapscope("evil")
