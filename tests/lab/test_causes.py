# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads that do one thing each come out under their own operation and cause.

A cause is known only of a contended acquisition, so each workload is done by one task on each node
to one file. Contention mode looks at nothing but stacks; full mode's operation does not, and the
two must agree.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cause_storm
import pytest
from tracing import Report, new_file, trace

#: What contended waits of each workload must be, as (operation, cause).
EXPECTED = {
    "map": {("insert", "mmap"), ("remove", "munmap")},
    # The old mapping goes in the same system call.
    "fixed": {("insert", "mmap"), ("remove", "mmap"), ("remove", "munmap")},
    "mprotect": {
        ("insert", "mmap"), ("adjust", "mprotect"), ("remove", "munmap"),
    },
    # The copy is inserted and the old one removed; moving page tables may lock with no change.
    "mremap": {
        ("insert", "mmap"), ("insert", "mremap"), ("remove", "mremap"), ("walk", "mremap"),
        ("adjust", "mremap"), ("remove", "munmap"),
    },
    "fork": {
        ("insert", "mmap"), ("insert_after", "fork"), ("remove", "exit"), ("remove", "munmap"),
    },
    "madvise": {("insert", "mmap"), ("walk", "madvise"), ("remove", "munmap")},
}  # fmt: skip
#: What each must show at least.
TYPICAL = {
    "map": {("insert", "mmap"), ("remove", "munmap")},
    "fixed": {("insert", "mmap"), ("remove", "mmap")},
    "mprotect": {("adjust", "mprotect")},
    "mremap": {("insert", "mremap"), ("remove", "mremap")},
    "fork": {("insert_after", "fork"), ("remove", "exit")},
    "madvise": set(),
}
#: Where an unwinder may begin: 7.x's loses the slow path's own frame under a trampoline.
LOCK_FUNCTIONS = {
    "rwsem_down_write_slowpath", "rwsem_down_read_slowpath", "down_write", "down_read",
}  # fmt: skip
EXEC_CAUSES = {"exec", "mmap", "munmap", "mprotect", "exit"}


@pytest.fixture(scope="module", params=["full", "contention"])
def report(request: pytest.FixtureRequest) -> Report:
    for name in [*cause_storm.WORKLOADS, "truncate", "reclaim"]:
        new_file(f"cause-{name}", pages=cause_storm.RECLAIM_PAGES if name == "reclaim" else 8)
    return trace(["--mode", request.param], [sys.executable, str(Path(cause_storm.__file__))])


def seen(report: Report, file: Path | None) -> set[tuple[str, str]]:
    return {(row["operation"], row["cause"]) for row in report.rows(file) if row["contended"]}


@pytest.mark.parametrize("what", list(EXPECTED))
def test_a_workload_shows_its_own_operations_and_causes(report: Report, what: str) -> None:
    found = seen(report, Path(f"cause-{what}").absolute())
    assert TYPICAL[what] <= found
    assert found <= EXPECTED[what]


def test_truncate_walks(report: Report) -> None:
    # The same file is mapped and unmapped meanwhile, or nobody would have to wait.
    found = seen(report, Path("cause-truncate").absolute())
    assert ("walk", "truncate") in found
    assert found <= {("walk", "truncate"), *EXPECTED["map"]}


@pytest.mark.soak
def test_reclaim_walks_whatever_asked_for_memory(report: Report) -> None:
    found = seen(report, Path("cause-reclaim").absolute())
    assert ("walk", "reclaim") in found


def test_an_exec_storm_is_broken_down_by_cause(report: Report) -> None:
    # The kernel maps the dynamic loader in exec; the loader maps libc with mmap.
    shared = {"libc.so.6", "ld-linux-x86-64.so.2"}
    rows = [row for row in report.rows() if row["inode"] and row["inode"]["name"] in shared]
    causes = {row["cause"] for row in rows if row["contended"]}
    assert {"exec", "mmap", "exit"} <= causes
    assert causes <= EXEC_CAUSES


def test_no_stack_went_unread(report: Report) -> None:
    assert report.document["loss"]["stack_unreadable"]["count"] == 0
    assert not [row for row in report.rows() if row["contended"] and row["cause"] is None]
    assert not [row for row in report.rows() if row["operation"] == "other"]


def test_folded_stacks_lead_from_the_entry_to_the_lock() -> None:
    done = subprocess.run(
        ["immapscope", "trace", "--mode", "contention", "--format", "folded", "--",
         "./execstorm", "16", "5", "/usr/bin/true"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    stacks = [line.rpartition(" ") for line in done.stdout.splitlines() if ";" in line]
    assert stacks
    assert all(int(weight) > 0 for _, _, weight in stacks)
    assert {frames.split(";")[-1] for frames, _, _ in stacks} <= LOCK_FUNCTIONS
    assert any("load_elf_binary" in frames for frames, _, _ in stacks)
