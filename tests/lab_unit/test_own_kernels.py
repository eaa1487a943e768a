# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels of our own: what they are built from names them, and no option is dropped in silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import debian, host, kernels
from lab.choice import Package
from lab.errors import LabError
from lab.kernels import build, config, own, source
from lab.kernels.own import DEBUG, FAMILIES, LOCK_STAT, Own

_FILE = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_two_names(family: str) -> None:
    assert {family, f"{family}{DEBUG}"} < kernels.REGISTRY.keys()


@pytest.mark.parametrize("family", [one for one in FAMILIES if one != "single"])
def test_each_design_is_a_patch_that_says_whose_it_is(family: str) -> None:
    hold, design = (patch.read_text() for patch in Own(family).patches)
    for text in (hold, design):
        assert "SPDX-License-Identifier: GPL-2.0-only" in text.partition("\n---\n")[0]
    assert "+++ b/mm/i_mmap.c" in design
    # Each is taken back as one with the other, which only works while they meet nowhere.
    assert not {*_FILE.findall(hold)} & {*_FILE.findall(design)}


def test_the_baseline_has_only_what_all_have() -> None:
    assert Own("single").patches == (own.HOLD,)


def test_what_only_counts_its_locks_checks_none() -> None:
    options = config.options(
        config.merged(path.read_text() for path in Own("single", LOCK_STAT).fragments)
    )
    assert (options["CONFIG_LOCK_STAT"], options["CONFIG_PROVE_LOCKING"]) == ("y", "n")
    # The rest is the module that holds locks, which costs nothing while it is not loaded.
    base = config.options(config.BASE.read_text())
    changed = {name for name, value in options.items() if base.get(name) != value}
    assert changed == {
        "CONFIG_LOCK_STAT", "CONFIG_PROVE_LOCKING", "CONFIG_MODULES", "CONFIG_MODULE_UNLOAD",
        "CONFIG_RUNTIME_TESTING_MENU", "CONFIG_TEST_LOCKUP",
    }  # fmt: skip


def test_whatever_goes_in_makes_another_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "PATCHES", tmp_path)
    monkeypatch.setattr(own, "HOLD", tmp_path / "hold.patch")
    own.HOLD.write_text("hold")
    patch = tmp_path / "split.patch"
    patch.write_text("one")
    keys = [Own("split").key("6.12.1-1", "gcc 12")]
    keys.append(Own("split").key("6.12.2-1", "gcc 12"))
    keys.append(Own("split").key("6.12.1-1", "gcc 13"))
    keys.append(Own("split", DEBUG).key("6.12.1-1", "gcc 12"))
    keys.append(Own("split", LOCK_STAT).key("6.12.1-1", "gcc 12"))
    patch.write_text("two")
    keys.append(Own("split").key("6.12.1-1", "gcc 12"))
    own.HOLD.write_text("hold longer")
    keys.append(Own("split").key("6.12.1-1", "gcc 12"))
    assert len(set(keys)) == len(keys)
    assert keys[-1] == Own("split").key("6.12.1-1", "gcc 12")


def test_a_later_fragment_counts() -> None:
    text = config.merged(["CONFIG_A=y\nCONFIG_B=y\n", "# CONFIG_A is not set\nCONFIG_C=m"])
    assert text == "CONFIG_A=n\nCONFIG_B=y\nCONFIG_C=m\n"


def test_an_option_that_is_dropped_is_named() -> None:
    config.check("CONFIG_A=y\nCONFIG_B=n\n", "CONFIG_A=y\n# CONFIG_C is not set\n")
    with pytest.raises(LabError, match="CONFIG_A=y became n, CONFIG_B=n became y"):
        config.check("CONFIG_A=y\nCONFIG_B=n\n", "CONFIG_B=y\n")


def test_a_patch_is_taken_back_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: Sequence[str | Path], folder: Path | None = None) -> str:
        ran.append([str(word) for word in command])
        return ""

    monkeypatch.setattr(build, "run", run)
    one, two = tmp_path / "one.patch", tmp_path / "two.patch"
    one.write_text("one")
    two.write_text("two")
    for patches in ([one], [one], [one, two], []):
        build._apply(tmp_path, patches)
    applied = str(tmp_path / "lab-applied.patch")
    back = ["patch", "-R", "-s", "-p1", "-i", applied]
    assert ran == [
        ["patch", "-s", "-p1", "-i", str(one)],
        back,
        ["patch", "-s", "-p1", "-i", str(one)],
        ["patch", "-s", "-p1", "-i", str(two)],
        back,
    ]


def test_a_build_that_fails_says_the_compilers_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    (tmp_path / "Makefile").write_text("bzImage:\n\t@echo mm/vma.c:1: error: no; false\n")
    log = tmp_path / "log"
    with pytest.raises(LabError, match=r"mm/vma\.c:1: error: no; .*log"):
        build._make(tmp_path, log, "bzImage")


class Root:
    """A mirror's suite with one version of the source, or none."""

    version: str | None = "6.12.1-1"

    def __init__(self, suite: str) -> None:
        assert suite == source.SUITE

    def update(self) -> None:
        pass

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        return {packages[0]: self.version} if self.version else {}

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        assert packages == ["linux-source-6.12=6.12.1-1"]
        raise LabError("it is gone")


def test_the_newest_source_is_the_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "AptRoot", Root)
    assert source.newest() == Package("trixie", "linux-source-6.12", "6.12.1-1")
    monkeypatch.setattr(Root, "version", None)
    with pytest.raises(LabError, match=r"no linux-source-6\.12 in trixie"):
        source.newest()


def test_just_the_version_that_names_the_kernel_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    monkeypatch.setattr(debian, "AptRoot", Root)
    with pytest.raises(LabError, match="it is gone"):
        source.unpack("6.12.1-1", tmp_path / "tree")


def test_what_a_build_lacks_is_told_with_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "missing", lambda purposes: {"pahole": "dwarves", "bc": "bc"})
    with pytest.raises(LabError, match="apt-get install bc dwarves"):
        Own("single").kernel(update=False)
