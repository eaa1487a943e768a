# SPDX-License-Identifier: GPL-2.0-or-later
"""Any locale, closed streams, full disks, readers that go away: never a traceback.

Each runs a Python of its own, in which the session is one that no kernel made.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.machines import Result

ROOT = Path(__file__).parents[2]

_TRACE = """
from immapscope.cli import main
from tests.cli.machines import ForGood, traceable
from tests.tracing.counted import Wait
there = traceable(ForGood())
there.counted.name(3, "l\\u00efb\\u4e16\\udcff".encode("utf-8", "surrogateescape"))
there.counted.waited(3, 0, wait=Wait(ns=90_000))
main(["trace", "--duration", "10ms", *{words!r}])
"""
_HELP = "from immapscope.cli import main; main({words!r})"


def run(
    script: str,
    words: Sequence[str] = (),
    *,
    shell: str = '"$@"',
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Runs it with its streams as the shell text says."""
    code = script.format(words=list(words))
    done = subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/agent:{ROOT}", **(environment or {})},
        capture_output=True,
        timeout=120,
        check=False,
    )
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return Result(done.returncode, out, err)


#: As under LC_ALL=C where Python is told not to know better.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"LC_ALL": "C.UTF-8"}, "l\u00efb\u4e16\\xff"),
        ({"LC_ALL": "C"}, "l\u00efb\u4e16\\xff"),
        (ASCII, "l\\xefb\\u4e16\\xff"),
        ({"PYTHONIOENCODING": "latin-1"}, None),
    ],
)
def test_a_name_that_the_locale_cannot_spell_is_escaped(
    environment: Mapping[str, str], name: str | None
) -> None:
    result = run(_TRACE, environment=environment)
    assert (result.status, result.err) == (0, "")
    assert "libc.so.6" in result.out
    assert name is None or name in result.out


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    result = run(_TRACE, shell='"$@" | true; exit ${PIPESTATUS[0]}')
    assert (result.status, result.out, result.err) == (141, "", "")


def test_a_reader_of_help_may_go_away_too() -> None:
    result = run(_HELP, ["trace", "--help"], shell='"$@" | true; exit ${PIPESTATUS[0]}')
    assert (result.status in (0, 141), result.err) == (True, "")


def test_a_reader_that_reads_the_first_line_only_gets_it() -> None:
    result = run(_TRACE, shell='"$@" | head -n 1')
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("i_mmap locks of Linux")


def test_a_full_disk_is_one_line() -> None:
    result = run(_TRACE, shell='"$@" > /dev/full')
    assert result.status == 2
    assert result.err == ("immapscope: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(closed: str) -> None:
    result = run(_TRACE, shell=f'"$@" {closed}')
    assert (result.status, result.err) == (0, "")


def test_a_complaint_that_nobody_reads_still_has_its_status() -> None:
    result = run(_HELP, ["trace", "--colour"], shell='"$@" 2> /dev/full')
    assert result.status == 2
