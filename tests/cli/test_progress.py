# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress is one line on a terminal that goes away, and nothing anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

from immapscope.cli.progress import Progress
from immapscope.snapshot import Snapshot
from immapscope.who import Who, parse_who
from tests.synthetic import exec_storm, snapshot_of


class Terminal(StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


def shown(snapshot: Snapshot, whos: Sequence[Who] = ()) -> str:
    terminal = Terminal()
    tick = Progress(terminal).tick(whos)
    assert tick is not None
    tick(snapshot)
    return terminal.getvalue()


def test_where_nobody_looks_nothing_is_shown() -> None:
    stream = StringIO()
    with Progress(stream) as progress:
        progress.say("compiling")
        assert progress.tick(()) is None
    assert stream.getvalue() == ""


def test_a_line_replaces_the_last_and_goes_away() -> None:
    terminal = Terminal()
    with Progress(terminal) as progress:
        progress.say("compiling")
        progress.say("tracing")
    assert terminal.getvalue() == "\r\x1b[Kcompiling ...\r\x1b[Ktracing ...\r\x1b[K"


def test_what_was_waited_so_far_is_told() -> None:
    assert "10 s: 8 waits, 0.007 s waited (Ctrl-C ends and prints)" in shown(exec_storm())


def test_nothing_matched_yet_is_told() -> None:
    whos = [parse_who("libz.so"), parse_who("/srv/\udcff\x1b[2J")]
    line = shown(snapshot_of([]), whos)
    assert r"10 s: nothing matched libz.so, /srv/\xff\x1b[2J yet, waiting" in line


def test_a_file_that_only_changed_its_tree_has_matched() -> None:
    quiet = replace(snapshot_of([]), tree_operations=exec_storm().tree_operations)
    assert "nothing matched" not in shown(quiet, [parse_who("libc.so")])


def test_a_line_never_wraps() -> None:
    line = shown(snapshot_of([]), [parse_who(f"/{letter * 250}") for letter in "ab"])
    assert len(line.removeprefix("\r\x1b[K")) < 80
