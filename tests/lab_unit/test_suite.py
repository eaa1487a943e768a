# SPDX-License-Identifier: GPL-2.0-or-later
"""Which guest runs which tests, and that a part goes through to its end and knows what passed."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab import cli, job, kernels, parts, suite
from lab.errors import LabError
from lab.kernel import Kernel
from lab.parts import Around, Guest, Part
from lab.workloads import build

GUESTS = tuple(Guest(name, "4x2", ("-m", "core", parts.TESTS), 900) for name in ("one", "two"))


class Lab:
    """Guests whose status is set beforehand, by kernel; which of them ran, in order."""

    def __init__(self) -> None:
        self.status: dict[str, int] = {}
        self.ran: list[str] = []

    def vm(self, words: Sequence[str]) -> int:
        kernel = words[words.index("--kernel") + 1]
        self.ran.append(kernel)
        return self.status.get(kernel, 0)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    monkeypatch.setattr(cli, "main", made.vm)
    monkeypatch.setattr(kernels, "find", lambda name: Kernel(f"{name}-1", Path(name), None))
    monkeypatch.setattr(build, "names", list)
    monkeypatch.setattr(suite, "PARTS", {"whole": Part(GUESTS), "soak": Part(GUESTS, kept=True)})
    return made


def test_every_test_file_that_is_named_exists() -> None:
    named = {
        word
        for part in parts.PARTS.values()
        for guest in part.guests
        for word in guest.pytest
        if word.startswith("/lab/checkout/")
    }
    assert parts.TESTS in named
    for word in named:
        assert (job.CHECKOUT / word.removeprefix("/lab/checkout/")).exists()


def test_every_test_runs_in_soak_on_every_stock_kernel() -> None:
    guests = parts.PARTS["soak"].guests
    for tests, init in ((parts.TESTS, "lab"), (f"{parts.TESTS}/test_service.py", "systemd")):
        ran_on = {one.kernel for one in guests if one.init == init and tests in one.pytest}
        assert ran_on >= {name for name in kernels.REGISTRY if name.startswith("stock-")}


def test_every_kernel_of_several_trees_is_looked_at_by_shard() -> None:
    guests = parts.PARTS["soak"].guests
    several = {"split", "inverted", "tree-only"}
    assert {one.kernel for one in guests if set(parts.SHARDS) <= set(one.pytest)} >= several
    assert {one.kernel for one in parts.PARTS["core"].guests} <= {"stock-6.12"}


def test_a_line_that_is_printed_is_one_for_lab_vm(lab: Lab) -> None:
    words = suite.lab_vm_words(GUESTS[0])
    command = words[words.index("--") + 1 :]
    assert words[:4] == ["--kernel", "one", "--topology", "4x2"]
    assert command[-3:] == ["-m", "core", "/lab/checkout/tests/lab"]


def test_the_guest_has_the_init_that_its_tests_need(lab: Lab) -> None:
    words = suite.lab_vm_words(replace(GUESTS[0], init="systemd"))
    assert words[words.index("--init") + 1] == "systemd"


def test_a_guest_that_fails_does_not_keep_the_next_from_running(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.status["one"] = 1
    assert suite.run("whole") == 1
    assert lab.ran == ["one", "two"]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "suite: failed: whole 1 of 2: one as 4x2"


def test_a_part_that_is_kept_leaves_out_what_passed(lab: Lab) -> None:
    lab.status["one"] = 1
    assert suite.run("soak") == 1
    lab.status["one"] = 0
    assert suite.run("soak") == 0
    assert suite.run("soak") == 0
    assert lab.ran == ["one", "two", "one"]


def test_what_passed_with_another_kernel_runs_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.run("soak")
    monkeypatch.setattr(kernels, "find", lambda name: Kernel(f"{name}-2", Path(name), None))
    suite.run("soak")
    assert lab.ran == ["one", "two", "one", "two"]


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("probes/held.c", True),
        ("tests/lab/test_stress.py", True),
        ("lab/guest/init", True),
        ("lab/kernels/patches/split.patch", True),
        ("lab/bench/tables.py", False),
        ("tests/exporter/test_golden.py", False),
    ],
)
def test_what_can_change_a_guests_result_makes_it_run_again(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, again: bool
) -> None:
    monkeypatch.setattr(job, "CHECKOUT", tmp_path)
    for part in suite._GUESTS:
        assert (Path(__file__).parents[2] / part).exists()
        name = tmp_path / part if "." in part else tmp_path / part / "one"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()
    file = tmp_path / changed
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("before")
    suite.run("soak")
    file.write_text("after")
    suite.run("soak")
    assert lab.ran == ["one", "two"] * (1 + again)


def test_any_other_part_runs_each_time(lab: Lab) -> None:
    suite.run("whole")
    suite.run("whole")
    assert len(lab.ran) == 4


def test_a_lab_that_cannot_run_is_no_failed_test(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_kernel(name: str) -> Kernel:
        raise LabError("no answer")

    monkeypatch.setattr(kernels, "find", no_kernel)
    assert suite.main(["soak"]) == 70
    assert capsys.readouterr().err == "suite: no answer\n"


@pytest.mark.parametrize(("module", "status"), [("this", 0), ("lab.nothing", 1)])
def test_what_runs_beside_a_part_is_told_and_counts(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: str,
    status: int,
) -> None:
    monkeypatch.setattr(suite, "PARTS", {"whole": Part(GUESTS, beside=((module,),))})
    assert suite.run("whole") == status
    assert lab.ran == ["one", "two"]
    told = capsys.readouterr().err
    assert ("Beautiful is better" in told) == (not status)
    assert f"python3 -m {module} ended with status {status}" in told


@pytest.mark.parametrize("status", [0, 1])
def test_what_goes_around_guests_runs_last_and_is_kept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    part = Part(GUESTS, kept=True, around=(Around("some.module", ("one",)),))
    monkeypatch.setattr(suite, "PARTS", {"soak": part})
    ran = []

    def run(words: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(words[-1])
        return subprocess.CompletedProcess(words, status)

    monkeypatch.setattr(subprocess, "run", run)
    assert suite.run("soak") == status
    assert suite.run("soak") == status
    assert ran == ["some.module"] * (1 + status)


def test_modules_around_guests_are_there() -> None:
    for one in parts.PARTS["soak"].around:
        assert (job.CHECKOUT / f"{one.module.replace('.', '/')}.py").exists()
        assert all(name in kernels.REGISTRY for name in one.kernels)


@pytest.mark.parametrize("words", [[], ["everything"], ["core", "lab"]])
def test_wrong_usage_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.main(words) == 2
    assert capsys.readouterr().err.startswith("suite: usage: ")
