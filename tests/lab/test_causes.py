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
#: Whatever the workload, the kernel walks when it likes: it writes back, makes room, moves pages,
#: and looks what is in use (khugepaged, DAMON, which 7.3 has on: other).
OF_THE_KERNEL = {("walk", cause) for cause in ("writeback", "reclaim", "migrate", "other")}
#: What each must show at least.
TYPICAL = {
    "map": {("insert", "mmap"), ("remove", "munmap")},
    "fixed": {("insert", "mmap"), ("remove", "mmap")},
    "mprotect": {("adjust", "mprotect")},
    "mremap": {("insert", "mremap"), ("remove", "mremap")},
    "fork": {("insert_after", "fork"), ("remove", "exit")},
    "truncate": {("walk", "truncate")},
    "reclaim": {("walk", "reclaim")},
}
#: The kernel maps the dynamic loader in exec; the loader maps libc with mmap.
SHARED = {"libc.so.6", "ld-linux-x86-64.so.2"}
TYPICAL_OF_EXEC = {"exec", "mmap", "exit"}
EXEC_CAUSES = {"exec", "mmap", "munmap", "mprotect", "exit"}
#: Where an unwinder may begin: 7.x's loses the slow path's own frame under a trampoline.
LOCK_FUNCTIONS = {
    "rwsem_down_write_slowpath", "rwsem_down_read_slowpath", "down_write", "down_read",
}  # fmt: skip
#: Whether two tasks meet at a lock is theirs to decide: what did not happen is done again.
ATTEMPTS = 4

Reports = list[Report]


@pytest.fixture(scope="module", params=["full", "contention"])
def reports(request: pytest.FixtureRequest) -> Reports:
    for name in cause_storm.WORKLOADS:
        new_file(f"cause-{name}", pages=cause_storm.RECLAIM_PAGES if name == "reclaim" else 8)
    made: Reports = []
    todo = list(cause_storm.WORKLOADS)
    while todo and len(made) < ATTEMPTS:
        storm = [sys.executable, str(Path(cause_storm.__file__)), *todo]
        made.append(trace(["--mode", request.param], storm))
        todo = [name for name in todo if not shown(made, name)]
    return made


def seen(reports: Reports, file: str) -> set[tuple[str, str]]:
    """(operation, cause) of every contended wait for this file's lock."""
    path = Path(f"cause-{file}").absolute()
    rows = [row for report in reports for row in report.rows(path)]
    return {(row["operation"], row["cause"]) for row in rows if row["contended"]}


def exec_causes(reports: Reports) -> set[str]:
    """The causes of contended waits for the C library's and the loader's lock, but of walks."""
    rows = [row for report in reports for row in report.rows()]
    return {
        row["cause"]
        for row in rows
        if row["contended"] and row["inode"] and row["inode"]["name"] in SHARED
        if row["operation"] != "walk"
    }


def shown(reports: Reports, workload: str) -> bool:
    if workload == "exec":
        return exec_causes(reports) >= TYPICAL_OF_EXEC
    return seen(reports, workload) >= TYPICAL.get(workload, set())


@pytest.mark.parametrize("what", list(EXPECTED))
def test_a_workload_shows_its_own_operations_and_causes(reports: Reports, what: str) -> None:
    found = seen(reports, what)
    assert found >= TYPICAL.get(what, set())
    assert found <= EXPECTED[what] | OF_THE_KERNEL


def test_truncate_walks(reports: Reports) -> None:
    # The same file is mapped and unmapped meanwhile, or nobody would have to wait.
    found = seen(reports, "truncate")
    assert found >= TYPICAL["truncate"]
    assert found <= TYPICAL["truncate"] | EXPECTED["map"] | OF_THE_KERNEL


def test_reclaim_walks_whatever_asked_for_memory(reports: Reports) -> None:
    assert seen(reports, "reclaim") >= TYPICAL["reclaim"]


def test_an_exec_storm_is_broken_down_by_cause(reports: Reports) -> None:
    assert exec_causes(reports) >= TYPICAL_OF_EXEC
    assert exec_causes(reports) <= EXEC_CAUSES


def test_no_stack_went_unread(reports: Reports) -> None:
    for report in reports:
        assert report.document["loss"]["stack_unreadable"]["count"] == 0
        assert not [row for row in report.rows() if row["contended"] and row["cause"] is None]
        assert not [row for row in report.rows() if row["operation"] == "other"]


def folded_storm() -> list[tuple[str, int]]:
    """(frames, weight) of each stack in which a task of an exec storm waited."""
    done = subprocess.run(
        ["immapscope", "trace", "--mode", "contention", "--format", "folded", "--",
         "./execstorm", "16", "5", "/usr/bin/true"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    parts = [line.rpartition(" ") for line in done.stdout.splitlines() if ";" in line]
    return [(frames, int(weight)) for frames, _, weight in parts]


def test_folded_stacks_lead_from_the_entry_to_the_lock() -> None:
    stacks: list[tuple[str, int]] = []
    for _ in range(ATTEMPTS):
        stacks += folded_storm()
        if any("load_elf_binary" in frames for frames, _ in stacks):
            break
    assert all(weight > 0 for _, weight in stacks)
    assert {frames.split(";")[-1] for frames, _ in stacks} <= LOCK_FUNCTIONS
    assert any("load_elf_binary" in frames for frames, _ in stacks)
