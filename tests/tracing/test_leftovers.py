# SPDX-License-Identifier: GPL-2.0-or-later
"""What a killed session left in tracefs goes; whatever else is there stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from immapscope.snapshot import Mode
from immapscope.tracing.leftovers import remove_leftovers
from immapscope.tracing.programs import Kind, programs
from immapscope.tracing.request import Attach
from tests.kernel.saved import SavedKernel

DEAD, ALIVE = 4242, 4711
WRITE = f"r_rwsem_down_write_slowpath_bcc_{DEAD}"
READ = f"r_rwsem_down_read_slowpath_bcc_{DEAD}"
LISTED = f"""\
p:kprobes/p_do_exit_bcc_{DEAD} do_exit
r4096:kprobes/{WRITE} rwsem_down_write_slowpath
r4096:kprobes/r_rwsem_down_write_slowpath_bcc_{ALIVE} rwsem_down_write_slowpath
r:kprobes/{READ} rwsem_down_read_slowpath
r16:kprobes/r_vfs_read_bcc_{DEAD} vfs_read
r:mine/r_rwsem_down_read_slowpath_bcc_{DEAD} rwsem_down_read_slowpath
"""


def lives(pid: int) -> bool:
    return pid != DEAD


@pytest.fixture
def tracefs(tmp_path: Path) -> Path:
    """A tracefs in which a dead session, a live one and other programs have events."""
    (tmp_path / "kprobe_events").write_text(LISTED)
    return tmp_path


def removed_from(tracefs: Path) -> str:
    """What was written; anything else there was must have stayed."""
    text = (tracefs / "kprobe_events").read_text()
    assert text.startswith(LISTED)
    return text.removeprefix(LISTED)


def test_the_events_of_dead_sessions_are_removed_by_name(tracefs: Path) -> None:
    assert remove_leftovers(lives, (tracefs,)) == (f"kprobes/{WRITE}", f"kprobes/{READ}")
    # Appended: to open it truncated would remove every event of every program.
    assert removed_from(tracefs) == f"-:kprobes/{WRITE}\n-:kprobes/{READ}\n"


def test_nothing_is_written_where_nothing_is_left(tracefs: Path) -> None:
    before = (tracefs / "kprobe_events").stat().st_mtime_ns
    assert remove_leftovers(lambda pid: True, (tracefs,)) == ()
    assert (tracefs / "kprobe_events").stat().st_mtime_ns == before


def test_a_process_that_runs_is_seen_to_live(tmp_path: Path) -> None:
    (tmp_path / "kprobe_events").write_text(
        f"r4096:kprobes/r_rwsem_down_read_slowpath_bcc_{os.getpid()} rwsem_down_read_slowpath\n"
    )
    assert remove_leftovers(roots=(tmp_path,)) == ()


def test_tracefs_is_found_where_it_is_mounted(tracefs: Path, tmp_path: Path) -> None:
    not_mounted = tmp_path / "empty"
    not_mounted.mkdir()
    assert len(remove_leftovers(lives, (not_mounted, tracefs))) == 2


def test_without_tracefs_nothing_happens(tmp_path: Path) -> None:
    assert remove_leftovers(lives, (tmp_path, tmp_path / "nowhere")) == ()


def test_an_event_that_is_in_use_stays_and_is_not_named(
    tracefs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def busy(descriptor: int, data: bytes) -> int:
        if WRITE.encode() in data:
            raise OSError(16, "Device or resource busy")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", busy)
    assert remove_leftovers(lives, (tracefs,)) == (f"kprobes/{READ}",)


def test_only_what_our_own_programs_leave_is_ours_to_remove() -> None:
    sleeping = {
        program.target
        for program in programs(SavedKernel("stock-6.12").model, Mode.FULL, Attach.KPROBE)
        if program.kind is Kind.KRETPROBE and program.instances
    }
    assert sleeping == {"rwsem_down_write_slowpath", "rwsem_down_read_slowpath"}
