# SPDX-License-Identifier: GPL-2.0-or-later
"""A workload is compiled once for each content; tried with a program that behaves as gcc would."""

from pathlib import Path

import pytest

from lab.errors import LabError, UsageError
from lab.workloads import build

COMPILER = """\
#!/bin/sh
while [ "$1" != -o ]; do shift; done
if grep -q nonsense "$3"; then exit 1; fi
cp "$3" "$2"
echo compiled >> "{log}"
"""


class Workshop:
    """A folder of sources and a compiler that notes each use."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.sources.mkdir()
        self.source = self.sources / "storm.c"
        self.source.write_text("int main;")
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.log = folder / "log"
        self.log.touch()
        compiler = self.tools / "gcc"
        compiler.write_text(COMPILER.format(log=self.log))
        compiler.chmod(0o755)

    def compiled(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop(tmp_path)
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{made.tools}:/usr/bin:/bin")
    monkeypatch.setattr(build, "SOURCES", made.sources)
    return made


def test_one_content_is_compiled_once(workshop: Workshop) -> None:
    program = build.build("storm")
    assert program.name == "storm"
    assert program.read_text() == "int main;"
    assert build.build("storm") == program
    assert workshop.compiled() == 1


def test_another_content_is_another_program(workshop: Workshop) -> None:
    before = build.build("storm")
    workshop.source.write_text("int main = 1;")
    changed = build.build("storm")
    (workshop.sources / "common.h").touch()
    build.build("storm")
    assert changed != before
    assert workshop.compiled() == 3


def test_what_does_not_compile_is_no_program(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.source.write_text("nonsense")
    with pytest.raises(LabError, match=r"storm\.c does not compile"):
        build.build("storm")
    assert build.main([]) == 70
    assert capsys.readouterr().err.endswith("storm.c does not compile\n")


def test_an_unknown_name_is_told_with_all_known_ones(workshop: Workshop) -> None:
    with pytest.raises(UsageError, match="unknown workload calm; known: storm"):
        build.build("calm")


def test_a_machine_without_a_compiler_is_told_what_to_do(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(workshop.sources))
    with pytest.raises(LabError, match=r"gcc is missing; see python3 -m lab\.host"):
        build.build("storm")
