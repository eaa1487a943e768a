# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest is given: COMMAND byte for byte, the files asked for, the agent as it is now."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import job
from lab.errors import UsageError

ARGUMENT = st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b""))
PRINT_EACH = b"for word; do printf '%s\\0' \"$word\"; done"


def read_back(words: list[bytes]) -> list[bytes]:
    """The words as a POSIX shell, which guests' init is, hands them on."""
    line = b"set -- " + job.shell_words(words) + b"; " + PRINT_EACH
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True)
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize(
    "word",
    [
        b"",
        b" ",
        b"'",
        b"\\'",
        b'"$HOME"',
        b"`id`",
        b"a\nb\n",
        b"*",
        b"--",
        b"-e",
        bytes(range(1, 256)),
    ],
)
def test_an_argument_arrives_as_it_was_typed(word: bytes) -> None:
    assert read_back([b"first", word, b"last"]) == [b"first", word, b"last"]


@given(st.lists(ARGUMENT, min_size=1, max_size=6))
def test_any_arguments_arrive_as_they_were_typed(words: list[bytes]) -> None:
    assert read_back(words) == words


def test_a_guest_is_given_what_tests_and_the_daemon_need_of_the_checkout() -> None:
    assert {"pyproject.toml", "config.yaml", "systemd", "agent", "probes", "tests"} <= set(
        job.PARTS
    )
    assert [part for part in job.PARTS if not (job.CHECKOUT / part).exists()] == []


def test_command_takes_the_place_of_the_shell_that_starts_it() -> None:
    assert job.script([b"uname", b"-a"]).splitlines()[-1] == b"exec 'uname' '-a'"


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file .*missing"):
        job.check([tmp_path / "missing"])


def test_two_files_of_one_name_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    files = [tmp_path / "name", tmp_path / "folder/name"]
    for file in files:
        file.touch()
    with pytest.raises(UsageError, match="two files are called name"):
        job.check(files)
    job.check(files[:1])
