# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal has one line for each message, whatever is in it, with its priority."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import pytest

from immapscope.daemon import logs
from immapscope.daemon.logs import LOG


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The logger belongs to all tests."""
    handlers, level, propagates = LOG.handlers[:], LOG.level, LOG.propagate
    yield
    LOG.handlers[:], LOG.propagate = handlers, propagates
    LOG.setLevel(level)


@pytest.fixture
def terminal() -> io.StringIO:
    """Where a person reads what is logged at info and above."""
    stream = io.StringIO()
    logs.start("info", {}, stream)
    return stream


def journal_of(stream: TextIO) -> Mapping[str, str]:
    """The environment in which this stream is the journal's (systemd.exec(5))."""
    found = os.fstat(stream.fileno())
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_a_person_reads_who_says_it_and_how_bad_it_is(terminal: io.StringIO) -> None:
    LOG.info("listening on %s", "127.0.0.1:10264")
    LOG.warning("lost %d waits", 3)
    LOG.error("gone")
    assert terminal.getvalue() == (
        "immapscope: info: listening on 127.0.0.1:10264\n"
        "immapscope: warning: lost 3 waits\n"
        "immapscope: error: gone\n"
    )


def test_the_journal_has_the_priority_in_front(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        logs.start("debug", journal_of(stream), stream)
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(LOG, level)(level)
        stream.seek(0)
        assert stream.read() == "<7>debug\n<6>info\n<4>warning\n<3>error\n<2>critical\n"


def test_a_stream_that_is_not_the_journals_has_none(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w+") as journal, (tmp_path / "b").open("w+") as other:
        # As where stderr was redirected to a file.
        logs.start("info", journal_of(journal), other)
        LOG.info("fine")
        other.seek(0)
        assert other.read() == "immapscope: info: fine\n"


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_said(
    terminal: io.StringIO, level: str, said: list[str]
) -> None:
    logs.set_level(level)
    for one in ("debug", "info", "warning", "error"):
        getattr(LOG, one)(one)
    assert [line.split(": ")[-1] for line in terminal.getvalue().splitlines()] == said


@pytest.mark.parametrize(
    "hostile",
    ["a\nb", "a\r\nimmapscope: info: b", "\x1b[2J", "\udcff", "\u2028", "<3>x", "\x85"],
    ids=ascii,
)
def test_a_hostile_message_is_one_line_that_can_be_printed(
    terminal: io.StringIO, hostile: str
) -> None:
    LOG.error("cannot open %s here", hostile)
    (line,) = terminal.getvalue().splitlines()
    assert line.isprintable()
    assert line.startswith("immapscope: error: cannot open ")


def test_an_exception_is_told_in_the_same_line(terminal: io.StringIO) -> None:
    try:
        raise ValueError("of two\nlines")
    except ValueError:
        LOG.exception("a reading failed")
    assert terminal.getvalue() == (
        "immapscope: error: a reading failed: ValueError: of two lines\n"
    )


def test_what_the_exporter_says_is_said_too(terminal: io.StringIO) -> None:
    logging.getLogger("immapscope.exporter.server").warning("no room")
    assert terminal.getvalue() == "immapscope: warning: no room\n"


def test_started_again_it_says_nothing_twice(terminal: io.StringIO) -> None:
    logs.start("info", {}, terminal)
    LOG.info("once")
    assert terminal.getvalue() == "immapscope: info: once\n"


class Elsewhere(logging.Handler):
    """What a library may have put at the root of all loggers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def test_it_goes_nowhere_else(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Elsewhere()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, elsewhere])
    LOG.error("gone")
    logging.getLogger("another").error("of another library")
    assert elsewhere.said == ["of another library"]
    assert terminal.getvalue() == "immapscope: error: gone\n"
