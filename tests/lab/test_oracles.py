# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside the kernel's own account of its locks, and beside a module that holds them on purpose.

LOCK_STAT (kernel/locking/lockdep.c) counts by lock class an acquisition when it is released, and
as contended each whose first try failed, also where the second did not. LOCK_EVENT_COUNTS
(kernel/locking/lock_events_list.h) counts how waits for every rwsem ended. lib/test_lockup.c takes
a file's lock as often and holds it as long as it is told.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from pyarrow import parquet
from tracing import LAYOUT, Report, agent, mapped_from, new_file, trace

LOCK_STAT = Path("/proc/lock_stat")
EVENTS = Path("/sys/kernel/debug/lock_event_counts")
CPUS = os.cpu_count() or 1
MAPS = 499
#: Whose lock test_lockup takes, where trees have locks.
SHARD = 2
#: `&mapping->i_mmap_rwsem`, and the lab's own classes for the locks of trees.
CLASSES = re.compile(r"i_mmap_rwsem|tree_keys")

if not LOCK_STAT.exists():
    pytest.skip("this kernel keeps no account of its locks", allow_module_level=True)


@dataclass(frozen=True)
class Account:
    """What LOCK_STAT has of the i_mmap locks."""

    contentions: int
    wait_seconds: float
    acquisitions: int
    hold_seconds: float

    @classmethod
    def now(cls, kind: str = "") -> Account:
        """Sums over the classes; of `kind` -R or -W, or of readers and writers."""
        of_class = [
            [float(number) for number in line.rpartition(":")[2].split()]
            for line in LOCK_STAT.read_text().splitlines()
            if re.match(rf"\s*\S+{kind}:\s+\d", line) and CLASSES.search(line.rpartition(":")[0])
        ]
        # con-bounces contentions wait-min -max -total -avg acq-bounces acquisitions hold-min ...
        return cls(
            contentions=int(sum(one[1] for one in of_class)),
            wait_seconds=sum(one[4] for one in of_class) / 1e6,
            acquisitions=int(sum(one[7] for one in of_class)),
            hold_seconds=sum(one[10] for one in of_class) / 1e6,
        )


class Writers(NamedTuple):
    """How many waits of writers ended while they spun, and how many in the queue."""

    spinning: int
    queued: int

    @classmethod
    def now(cls) -> Writers:
        """As the kernel has counted them, of every rwsem."""
        spinning, queued = (
            int((EVENTS / name).read_text()) for name in ("rwsem_opt_lock", "rwsem_wlock")
        )
        return cls(spinning, queued)


CHANGES = ("insert", "insert_after", "remove", "adjust")


@dataclass(frozen=True)
class Storm:
    report: Report
    file: Path
    account: Account
    readers: Account
    writers_got_it: int
    command: Sequence[str]


@pytest.fixture(scope="module")
def storm() -> Storm:
    file = new_file("accounted")
    command = ["./lockstat", str(file), str(MAPS), str(CPUS)]
    before = sum(Writers.now())
    report = trace(["--mode", "full"], command)
    got_it = sum(Writers.now()) - before
    return Storm(report, file, Account.now(), Account.now("-R"), got_it, command)


def test_the_kernel_counts_as_many_acquisitions(storm: Storm) -> None:
    assert storm.account.acquisitions >= 2 * MAPS * CPUS
    assert storm.report.total("acquisitions", storm.file) == storm.account.acquisitions


def test_the_kernel_calls_more_contended_than_had_to_wait(storm: Storm) -> None:
    # A first try that failed may be followed by a second that succeeds, with no slow path between:
    # if the lock is released in what lockdep takes to note the first, far less than a hold.
    contended = storm.report.total("contended", storm.file)
    print(f"contended: {storm.account.contentions} by LOCK_STAT, {contended} by us")
    assert 0 < contended <= storm.account.contentions <= storm.account.acquisitions
    assert contended >= 0.8 * storm.account.contentions


def test_every_wait_of_a_writer_ended_as_the_kernel_says_that_waits_end(storm: Storm) -> None:
    contended = sum(
        storm.report.total("contended", storm.file, operation=change) for change in CHANGES
    )
    assert 0 < contended <= storm.writers_got_it


@pytest.mark.long
def test_waits_that_never_queued_are_those_that_the_kernel_says_spinning_ended(
    storm: Storm,
) -> None:
    before = Writers.now()
    recorded = agent("record", "-o", "spun.parquet", "--", *storm.command)
    after = Writers.now()
    assert recorded.returncode == 0, recorded.stderr
    rows = parquet.read_table("spun.parquet", columns=["side", "wait_ns", "spin_ns"]).to_pylist()
    waits = [row for row in rows if row["side"] == "write" and row["wait_ns"] is not None]
    spinning = sum(row["spin_ns"] == row["wait_ns"] for row in waits)
    ours = Writers(spinning, len(waits) - spinning)
    theirs = Writers(after.spinning - before.spinning, after.queued - before.queued)
    print(f"of every rwsem {theirs}, of i_mmap {ours}")
    assert ours.spinning <= theirs.spinning
    assert ours.queued <= theirs.queued
    # What this storm waits for is one i_mmap lock: other rwsems make up little of what they count.
    assert sum(ours) >= 0.8 * sum(theirs)


def test_the_kernel_forgets_how_long_a_sweep_held_all_but_the_first(storm: Storm) -> None:
    # A lock that is released while later ones are held has lockdep take those anew, which starts
    # the clock of their holds again (reacquire_held_locks() in kernel/locking/lockdep.c).
    if LAYOUT != "split":
        pytest.skip("only there is a lock released before later ones")
    held = sum(row["hold_seconds"] for row in storm.report.rows(storm.file, operation="walk"))
    assert storm.report.total("acquisitions", storm.file, operation="walk") == (
        storm.readers.acquisitions
    )
    assert held > storm.readers.hold_seconds > 0


def test_the_law_holds(storm: Storm) -> None:
    assert storm.report.law() == {"acquisitions": 0, "waits": 0}
    assert storm.report.lost("acquisitions") == 0


def lockup(file: Path, **parameters: int | str) -> str:
    """Parameters of test_lockup for this file's lock; it sleeps while it holds it."""
    given = {
        "file_path": file, "lock_mapping": 1, "reacquire_locks": 1, "state": "D",
        "use_hrtimer": 1, **parameters,
    }  # fmt: skip
    if LAYOUT == "split":
        given["lock_shard"] = SHARD
    return " ".join(f"{name}={value}" for name, value in given.items())


def during(file: Path, maps: int, parameters: str) -> list[str]:
    """The kernel's statistics over a load of the module, and so many maps on each CPU meanwhile."""
    (module,) = Path("/lib/modules", os.uname().release).rglob("test_lockup.ko*")
    return ["./lockstat", str(file), str(maps), str(CPUS), str(module), parameters]


#: Where the module is loaded from that holds the lock.
HOLDER_CPU = 1
#: The shard of the lock that it takes.
TAKEN = {"single": 0, "split": SHARD}.get(LAYOUT)


def test_waits_and_holds_are_as_long_as_the_kernel_says() -> None:
    file = new_file("held-long")
    # Long beside the milliseconds for which a CPU of the guest may wait for one of the host's.
    parameters = lockup(file, time_nsecs=400_000_000, iterations=20)
    command = ["taskset", "-c", str(HOLDER_CPU), *during(file, 17, parameters)]
    # Named, so that its locks are known before the first is taken: see docs/layouts.md.
    report = trace(["--mode", "full", "--inode", str(file)], command)
    account = Account.now()
    contended = report.total("contended", file)
    waited = sum(row["wait_seconds"] for row in report.rows(file))
    held = sum(row["hold_seconds"] for row in report.rows(file))
    assert report.total("acquisitions", file) == account.acquisitions
    assert waited / contended >= 1e-3
    assert waited == pytest.approx(account.wait_seconds, rel=0.05)
    assert held == pytest.approx(account.hold_seconds, rel=0.05)
    # Who was late by less than its hold found it, whatever node he came from; see work() there.
    behind = {
        row["node"]
        for row in report.rows(file, holder_kind="writer", holder_node=HOLDER_CPU // 2)
        if row["wait_seconds_max"] >= 0.05
    }
    # A shard's lock is wanted by its own node, any other by all.
    assert behind == ({SHARD} if LAYOUT == "split" else {cpu // 2 for cpu in range(CPUS)})


ITERATIONS = 2
#: A second, since a sleep is some milliseconds longer than it was told where CPUs are scarce.
HELD_NS = 1_000_000_000


@pytest.mark.parametrize("readers", [False, True])
def test_what_test_lockup_does_on_every_cpu_is_what_is_counted(readers: bool) -> None:
    file = new_file(f"lockup-{readers}")
    parameters = lockup(
        file, all_cpus=1, iterations=ITERATIONS, time_nsecs=HELD_NS, measure_lock_wait=1,
        lock_read=int(readers),
    )  # fmt: skip
    # Not cleared: what else it says is for test_stress.
    marker = f"immapscope: {file.name}"
    Path("/dev/kmsg").write_text(f"{marker}\n")
    report = trace(["--mode", "full", "--inode", str(file)], during(file, 0, parameters))
    account = Account.now()
    rows = report.rows(file)
    assert {(row["shard"], row["operation"]) for row in rows} == {(TAKEN, "walk")}
    # Once each before the first time, and once more after each.
    assert report.total("acquisitions", file) == CPUS * (1 + ITERATIONS) == account.acquisitions
    held = sum(row["hold_seconds"] for row in rows)
    assert held == pytest.approx(account.hold_seconds, rel=0.01)
    # A waiter that got the lock before it was woken is woken in its first sleep with it, and the
    # module sleeps no second time (rwsem_mark_wake() in kernel/locking/rwsem.c adds to a wake_q).
    told = CPUS * ITERATIONS * HELD_NS / 1e9
    cut_short = round((told - account.hold_seconds) / (HELD_NS / 1e9))
    assert 0 <= cut_short <= CPUS
    assert held == pytest.approx(told - cut_short * HELD_NS / 1e9, rel=0.01)
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    log = log.rpartition(marker)[2]
    longest = max(int(ns) for ns in re.findall(r"Maximum lock wait: (\d+) ns", log))
    if readers:
        return
    ours = max(row["wait_seconds_max"] for row in rows)
    # Its clock starts before the call of down_write and ends behind it.
    assert 0.99 * longest / 1e9 <= ours <= longest / 1e9
    behind = {(row["holder_kind"], row["holder_node"]) for row in rows if row["contended"]}
    assert {kind for kind, _ in behind} <= {"writer", "unknown"}
    assert {node for _, node in behind} - {None}


def test_a_lock_that_only_walkers_want_proves_whose_it_is() -> None:
    if LAYOUT != "split":
        pytest.skip("elsewhere walkers take a lock that is known by its address")
    file = new_file("walked-only")
    parameters = lockup(file, iterations=3, time_nsecs=HELD_NS)
    walks = f"./treeops 0 {file} truncate 2"
    command = f"modprobe test_lockup {parameters} & sleep 0.1; {walks}; wait; true"
    # Mapped before, so that no change of a tree tells; and not named.
    with mapped_from(2 * SHARD, file):
        report = trace(["--mode", "contention"], ["sh", "-c", command])
    waited = [row for row in report.rows(file) if row["contended"]]
    assert {row["shard"] for row in waited} == {SHARD}
    # The module's own wait, if it has one, is of no operation that is known.
    assert max(row["wait_seconds"] for row in waited if row["operation"] == "walk") >= 0.05
