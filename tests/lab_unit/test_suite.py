# SPDX-License-Identifier: GPL-2.0-or-later
"""Which guest runs which tests, and that a part goes through to its end and knows what passed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab import cli, job, kernels, suite
from lab.errors import LabError
from lab.kernel import Kernel
from lab.suite import Guest, Part
from lab.workloads import build

GUESTS = tuple(Guest(name, "4x2", ("-m", "core", suite.TESTS), 900) for name in ("one", "two"))


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
        for part in suite.PARTS.values()
        for guest in part.guests
        for word in guest.pytest
        if word.startswith("/lab/checkout/")
    }
    assert suite.TESTS in named
    for word in named:
        assert (job.CHECKOUT / word.removeprefix("/lab/checkout/")).exists()


def test_every_test_runs_in_soak_on_every_stock_kernel() -> None:
    guests = suite.PARTS["soak"].guests
    for tests, init in ((suite.TESTS, "lab"), (f"{suite.TESTS}/test_service.py", "systemd")):
        ran_on = {one.kernel for one in guests if one.init == init and tests in one.pytest}
        assert ran_on == {name for name in kernels.REGISTRY if name.startswith("stock-")}


def test_every_kernel_of_several_trees_is_looked_at_by_shard() -> None:
    guests = suite.PARTS["soak"].guests
    several = {"split", "inverted", "tree-only"}
    assert {one.kernel for one in guests if suite.SHARDS in one.pytest} == several
    assert {one.kernel for one in suite.PARTS["core"].guests} <= {"stock-6.12"}


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


@pytest.mark.parametrize("words", [[], ["everything"], ["core", "lab"]])
def test_wrong_usage_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.main(words) == 2
    assert capsys.readouterr().err.startswith("suite: usage: ")
