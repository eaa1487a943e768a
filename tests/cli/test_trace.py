# SPDX-License-Identifier: GPL-2.0-or-later
"""`trace` from the command line to what it prints, on a session that no kernel made."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from pathlib import Path

import pytest

from immapscope.errors import CannotTraceError
from immapscope.kernel.words import Operation
from immapscope.snapshot import Mode
from immapscope.tracing.counters import Counters
from immapscope.tracing.request import Attach
from tests.cli.machines import Command, Traced
from tests.tracing.counted import Counted, Wait
from tests.tracing.fakes import FakeSession

SHORT = ("trace", "--duration", "10ms")


def test_a_table_names_the_files(immapscope: Command, traced: Traced) -> None:
    result = immapscope(*SHORT)
    assert (result.status, result.err) == (0, "")
    assert re.search(r"^libc\.so\.6 ", result.out, re.MULTILINE)
    assert re.search(r"^ld-linux-x86-64\.so\.2 ", result.out, re.MULTILINE)
    assert "reconciles: " in result.out
    assert "NOT RECONCILE" not in result.out
    assert traced.session.closed


def test_who_is_asked_for_is_all_that_is_shown(immapscope: Command, traced: Traced) -> None:
    document = json.loads(immapscope(*SHORT, "--inode", "libc.so", "--format", "json").out)
    assert {row["inode"]["name"] for row in document["rows"]} == {"libc.so.6"}


def test_who_was_not_met_is_said_and_is_no_error(immapscope: Command, traced: Traced) -> None:
    result = immapscope(*SHORT, "--inode", "libz.so")
    assert (result.status, result.err) == (0, "")
    assert "note: --inode libz.so: no lock of such a file was seen" in result.out


def test_who_may_be_any_bytes(immapscope: Command, traced: Traced) -> None:
    traced.counted.name(3, b"\xff\x1b[31m")
    traced.counted.free(3, 0)
    document = json.loads(immapscope(*SHORT, "--inode", b"\xff\x1b[31m", "--format", "json").out)
    assert [os.fsencode(row["inode"]["name"]) for row in document["rows"]] == [b"\xff\x1b[31m"]
    result = immapscope(*SHORT, "--inode", b"\xff*")
    assert r"\xff\x5cx1b[31m" not in result.out
    assert r"\xff\x1b[31m" in result.out


def test_options_reach_the_session(immapscope: Command, traced: Traced) -> None:
    immapscope(
        *SHORT, "--mode", "contention", "--attach", "kprobe", "--max-files", "99",
        "--max-states", "7", "--format", "folded",
    )  # fmt: skip
    request, (sizes,) = traced.session.request, traced.sizes
    assert (request.mode, request.attach, request.folded) == (Mode.CONTENTION, Attach.KPROBE, True)
    assert (sizes.files, sizes.waiting, sizes.held) == (99, 7, 7)
    assert (sizes.cpus, sizes.nodes) == (4, 2)


def test_keys_and_order_are_as_asked_for(immapscope: Command, traced: Traced) -> None:
    out = immapscope(*SHORT, "--by", "cause,node", "--sort", "name", "--format", "csv").out
    header, *rows = csv.reader(out.splitlines())
    assert header[2:4] == ["node", "cause"]
    assert [row[2] for row in rows] == ["0", "0", "1"]


def many_files(counted: Counted) -> None:
    for slot in range(3, 100):
        counted.name(slot, f"file{slot}".encode())
        counted.waited(slot, 0, wait=Wait(ns=1_000 + slot))


def test_a_table_has_30_rows_and_the_rest_in_one(immapscope: Command, traced: Traced) -> None:
    many_files(traced.counted)
    out = immapscope(*SHORT).out
    assert len(re.findall(r"^(?:file\d+|lib|ld)", out, re.MULTILINE)) == 30
    assert "(69 more rows)" in out
    assert "(94 more rows)" in immapscope(*SHORT, "--top", "5").out
    assert "more row" not in immapscope(*SHORT, "--top", "1000").out


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_formats_for_machines_have_all_rows(
    immapscope: Command, traced: Traced, format_: str
) -> None:
    many_files(traced.counted)
    out = immapscope(*SHORT, "--format", format_, "--by", "inode").out
    rows = json.loads(out)["rows"] if format_ == "json" else out.splitlines()[1:]
    assert len(rows) == 99


def test_each_interval_is_a_line_of_json(immapscope: Command, traced: Traced) -> None:
    def two_intervals(counted: Counted) -> None:
        counted.free(1, 0)
        if counted.cells["acquired"].sum() == 3:
            os.kill(os.getpid(), signal.SIGINT)

    traced.before_each = two_intervals
    result = immapscope("trace", "--duration", "600s", "--interval", "10ms", "--format", "json")
    assert result.status == 130
    documents = [json.loads(line) for line in result.out.splitlines()]
    assert [document["totals"]["acquisitions"] for document in documents] == [4, 1, 1]
    assert [document["duration_seconds"] for document in documents] == [1.0, 1.0, 1.0]


def test_csv_of_intervals_has_one_header(immapscope: Command, traced: Traced) -> None:
    def one_interval(counted: Counted) -> None:
        counted.free(1, 0)
        os.kill(os.getpid(), signal.SIGTERM)

    traced.before_each = one_interval
    out = immapscope("trace", "--duration", "600s", "--interval", "10ms", "--format", "csv").out
    assert [line.startswith("started,") for line in out.splitlines()].count(True) == 1
    assert len(out.splitlines()) == 1 + 3 + 1


@pytest.mark.parametrize("dashes", [["--"], []])
@pytest.mark.parametrize(
    ("command", "status"),
    [(["false"], 1), (["true"], 0), (["sh", "-c", "exit 42"], 42), (["sh", "-c", "kill $$"], 143)],
)
def test_a_commands_status_is_given_back(
    immapscope: Command, traced: Traced, dashes: list[str], command: list[str], status: int
) -> None:
    result = immapscope("trace", "--inode", "libc.so", *dashes, *command)
    assert (result.status, result.err) == (status, "")
    assert "libc.so.6" in result.out


def test_what_follows_the_command_is_the_commands(immapscope: Command, traced: Traced) -> None:
    assert immapscope("trace", "sh", "-c", "exit $#", "sh", "--help", "--mode", "x").status == 3


def test_a_command_that_is_not_there_is_127_and_one_line_before_anything_is_attached(
    immapscope: Command, traced: Traced
) -> None:
    result = immapscope("trace", "--", "no-such-command")
    assert (result.status, result.out) == (127, "")
    assert result.err == ("immapscope: cannot run 'no-such-command': No such file or directory\n")
    assert traced.sessions == []


def test_a_command_that_no_kernel_can_run_is_126_and_one_line(
    immapscope: Command, traced: Traced, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\1\2")
    garbage.chmod(0o755)
    result = immapscope("trace", "--", garbage)
    assert (result.status, result.out) == (126, "")
    assert result.err == f"immapscope: cannot run {str(garbage)!r}: Exec format error\n"
    assert traced.session.abandoned


def test_a_command_that_cannot_be_run_is_126(
    immapscope: Command, traced: Traced, tmp_path: Path
) -> None:
    (tmp_path / "plain").touch()
    assert immapscope("trace", "--", tmp_path / "plain").status == 126


def test_an_interruption_prints_what_was_measured(immapscope: Command, traced: Traced) -> None:
    traced.before_each = lambda _: os.kill(os.getpid(), signal.SIGINT)
    result = immapscope("trace", "--duration", "600s", "--interval", "10ms")
    assert result.status == 130
    assert "libc.so.6" in result.out


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file that has something in it."""
    kept = tmp_path / "kept"
    kept.write_text("of yesterday, and longer than anything that is written over it\n" * 1000)
    return kept


def test_a_result_replaces_what_a_file_held(
    immapscope: Command, traced: Traced, kept: Path
) -> None:
    kept.chmod(0o604)
    link = kept.with_name("link")
    link.symlink_to(kept)
    before = kept.stat()
    result = immapscope(*SHORT, "--format", "json", "--output", link)
    assert (result.status, result.out) == (0, "")
    assert json.loads(kept.read_text())["schema"] == 1
    after = kept.stat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert link.is_symlink()


def test_each_interval_is_in_the_file_at_once(
    immapscope: Command, traced: Traced, kept: Path
) -> None:
    seen: list[int] = []

    def watch(counted: Counted) -> None:
        seen.append(kept.read_text().count('"schema"'))
        counted.free(1, 0)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    traced.before_each = watch
    immapscope(
        "trace", "--duration", "600s", "--interval", "10ms", "--format", "json", "--output", kept
    )
    assert seen == [0, 1, 2, 3]
    assert len(kept.read_text().splitlines()) == 4


@pytest.mark.usefixtures("untraceable")
def test_a_file_keeps_what_it_held_where_nothing_can_be_traced(
    immapscope: Command, kept: Path
) -> None:
    before = kept.read_text()
    assert immapscope("trace", "--output", kept).status == 3
    assert kept.read_text() == before


@pytest.mark.usefixtures("untraceable")
def test_a_file_is_not_made_where_nothing_can_be_traced(
    immapscope: Command, tmp_path: Path
) -> None:
    assert immapscope("trace", "--output", tmp_path / "new").status == 3
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_what_it_held_where_the_command_is_not_there(
    immapscope: Command, traced: Traced, kept: Path
) -> None:
    before = kept.read_text()
    assert immapscope("trace", "--output", kept, "--", "no-such-command").status == 127
    assert kept.read_text() == before


def test_a_file_keeps_what_it_held_where_attaching_fails(
    immapscope: Command, traced: Traced, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> FakeSession:
        raise CannotTraceError("cannot attach kprobe to down_write: Permission denied")

    monkeypatch.setattr("immapscope.tracing.session.Session", refuse)
    before = kept.read_text()
    result = immapscope("trace", "--output", kept)
    assert (result.status, result.out) == (3, "")
    assert result.err == "immapscope: cannot attach kprobe to down_write: Permission denied\n"
    assert kept.read_text() == before


def test_a_file_keeps_what_it_held_where_the_session_fails(
    immapscope: Command, traced: Traced, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: FakeSession) -> Counters:
        raise CannotTraceError("a map value has 8 bytes, not 16")

    monkeypatch.setattr(FakeSession, "close", fail)
    before = kept.read_text()
    assert immapscope(*SHORT, "--output", kept).status == 3
    assert kept.read_text() == before
    assert traced.session.abandoned


def test_a_dash_is_standard_output(immapscope: Command, traced: Traced) -> None:
    assert "libc.so.6" in immapscope(*SHORT, "--output", "-").out


def test_a_device_may_be_written_to(immapscope: Command, traced: Traced) -> None:
    assert immapscope(*SHORT, "--output", "/dev/null").status == 0
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_one_line(immapscope: Command, traced: Traced) -> None:
    result = immapscope(*SHORT, "--output", "/dev/full")
    assert (result.status, result.out) == (2, "")
    assert result.err == "immapscope: --output '/dev/full': No space left on device\n"


def test_folded_stacks_weigh_what_was_waited(immapscope: Command, traced: Traced) -> None:
    traced.counted.stacks = [(1, ("do_exit", "down_write"), 1, 30_000)]
    out = immapscope(*SHORT, "--format", "folded").out
    assert out == "[no_stack] 20\ndo_exit;down_write 30\n"


def test_a_deleted_file_and_one_without_a_name_are_told(
    immapscope: Command, traced: Traced
) -> None:
    traced.counted.name(3, b"gone", deleted=True)
    traced.counted.free(3, 0, Operation.REMOVE)
    traced.counted.name(4)
    traced.counted.free(4, 0)
    out = immapscope(*SHORT).out
    assert "gone (deleted)" in out
    assert "254:0:1004" in out
