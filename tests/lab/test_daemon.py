# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon on a real kernel: what it serves is true, and nothing that happens stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import ADDRESS, Daemon, daemon, get, inode_label, until
from test_clean_exit import programs
from tracing import agent, new_file, trace

TASKS = 4
COUNT = 4999
#: Few, so that files must take turns.
TRACKED = 64
MEMORY_LIMIT = 60 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all tests that leave it as it was."""
    with daemon(tmp_path_factory.mktemp("daemon"), tracked=TRACKED) as started:
        yield started


def storm_on(file: Path, count: int = COUNT) -> list[str]:
    """A command whose tasks map and unmap this file."""
    tasks = " ".join(f"./treeops {2 * task} '{file}' map {count} &" for task in range(TASKS))
    return ["sh", "-c", f"{tasks} wait"]


@contextmanager
def in_the_background(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.core
def test_an_exec_storm_shows_as_waits_for_the_c_library(running: Daemon) -> None:
    subprocess.run(["./execstorm", "16", "5", "/usr/bin/true"], check=True)
    scrape = running.after_readings(2)
    assert scrape.sum("immap_wait_seconds_total", file="libc.so.6") > 0
    assert scrape.sum("immap_wait_cause_seconds_total", file="libc.so.6", cause="mmap") > 0
    assert scrape.sum("immap_execs_total") > 20
    assert len(scrape.of("immap_kernel_info", release=os.uname().release, layout="single")) == 1
    assert scrape.sum("immap_probes_attached") > 0
    assert scrape.sum("immap_config_last_reload_successful") == 1


def test_it_counts_what_a_trace_counts(running: Daemon) -> None:
    file = new_file("daemon-agrees")
    report = trace(["--mode", "contention"], storm_on(file))
    scrape = running.after_readings(2)
    label = inode_label(file)
    contended = report.total("contended", file)
    assert contended > 0
    assert scrape.sum("immap_contended_total", inode=label) == contended
    assert scrape.sum("immap_wait_duration_seconds_count", inode=label) == contended
    assert scrape.sum("immap_waits_by_holder_total", inode=label) == contended
    for node in map(str, range(TASKS)):
        of_node = sum(row["contended"] for row in report.rows(file, node=int(node)))
        assert scrape.sum("immap_contended_total", inode=label, node=node) == of_node


def test_of_100000_files_that_come_and_go_none_is_kept(running: Daemon) -> None:
    subprocess.run(["./churn", "1", "20000", "1"], check=True)
    running.after_readings(1)
    before = running.lasting_memory()
    subprocess.run(["./churn", "1", "80000", "1"], check=True)
    scrape = running.after_readings(1)
    # Nobody waited for any of them.
    assert not {file for file in scrape.files() if file.startswith("churn-")}
    assert scrape.sum("immap_tree_operations_total", file="other") >= 2 * 100_000
    assert running.lasting_memory() - before < 4 << 20
    assert running.memory() <= MEMORY_LIMIT


def test_a_hot_file_is_named_however_many_were_waited_for_before_it(running: Daemon) -> None:
    subprocess.run(["./churn", "4", "3000", "20"], check=True)
    with in_the_background(storm_on(new_file("daemon-hot"), 100_000_000)):
        time.sleep(1)
        scrape = running.after_readings(2)
    assert "daemon-hot" in scrape.files()
    assert scrape.sum("immap_tracked_inodes") <= TRACKED
    assert scrape.sum("immap_lost_events_total") == 0
    assert running.memory() <= MEMORY_LIMIT


def test_a_file_that_returns_goes_on_where_it_was(running: Daemon) -> None:
    file, label = new_file("daemon-returns"), ""
    label = inode_label(file)
    subprocess.run(storm_on(file), check=True)
    first = running.after_readings(2).sum("immap_contended_total", inode=label)
    subprocess.run(["./churn", "4", "1000", "20"], check=True)
    running.after_readings(2)
    report = trace(["--mode", "contention"], storm_on(file))
    second = running.after_readings(2).sum("immap_contended_total", inode=label)
    assert first > 0
    # While slots were scarce a part may have gone to `other`; never more than there was.
    assert first <= second <= first + report.total("contended", file)


def test_a_cpu_may_go_and_come_back(running: Daemon) -> None:
    online = Path("/sys/devices/system/cpu/cpu7/online")
    file = new_file("daemon-hotplug")
    tasks = " ".join(f"./treeops {cpu} '{file}' gently 100000000 &" for cpu in (0, 2))
    with in_the_background(["sh", "-c", f"{tasks} wait"]):
        running.after_readings(1)
        online.write_text("0")
        try:
            running.after_readings(2)
        finally:
            online.write_text("1")
        before = running.after_readings(1).sum("immap_contended_total", inode=inode_label(file))
        time.sleep(1)
        assert running.after_readings(2).sum("immap_contended_total", file=file.name) > before


def test_a_bad_configuration_changes_nothing_and_is_told(running: Daemon) -> None:
    good = running.config.read_text()
    running.config.write_text(good + "intervall: 3s\n")
    running.signal(signal.SIGHUP)
    until(lambda: running.scrape().sum("immap_config_last_reload_successful") == 0)
    assert running.logged("did you mean 'interval'?")
    running.config.write_text(good)
    running.signal(signal.SIGHUP)
    until(lambda: running.scrape().sum("immap_config_last_reload_successful") == 1)


def test_fifty_may_scrape_at_once(running: Daemon) -> None:
    with ThreadPoolExecutor(50) as threads:
        bodies = list(threads.map(lambda _: get(f"http://{ADDRESS}/metrics"), range(50)))
    assert all(b"immap_tracked_inodes" in body for body in bodies)


def test_a_hostile_name_is_a_label_like_any_other(running: Daemon) -> None:
    name = os.fsdecode(b'quote" back\\slash\nline \x1b[31m\xff')
    file = new_file(name)
    link = Path("daemon-hostile-link").absolute()
    link.symlink_to(file)

    def labels() -> set[str]:
        found = running.scrape().of("immap_contended_total", inode=inode_label(file))
        return {dict(labels)["file"] for _, labels in found}

    # It has a name once it has a slot, of which files of earlier tests may still have all; and a
    # file that is gone may have had its number.
    shown = 'quote" back\\x5cslash\\x0aline \\x1b[31m\\xff'
    with in_the_background(storm_on(link, 100_000_000)):
        until(lambda: shown in labels())


def test_the_clock_may_jump(running: Daemon) -> None:
    def now() -> float:
        # The reading after the next one: the next may have begun before the clock was set.
        return running.after_readings(2).sum("immap_last_snapshot_timestamp_seconds")

    before = now()
    time.clock_settime(time.CLOCK_REALTIME, time.time() + 3600)
    try:
        assert 3600 <= now() - before < 3700
    finally:
        time.clock_settime(time.CLOCK_REALTIME, time.time() - 3600)
    assert now() - before < 100


def test_probes_that_somebody_disabled_are_told(running: Daemon) -> None:
    debugfs = Path("/sys/kernel/debug")
    subprocess.run(["mount", "-t", "debugfs", "none", debugfs], check=False)
    enabled = debugfs / "kprobes/enabled"
    before = running.after_readings(1).sum("immap_probes_attached")
    assert before > 0
    enabled.write_text("0")
    try:
        until(lambda: running.after_readings(1).sum("immap_probes_attached") == 0)
    finally:
        enabled.write_text("1")
    until(lambda: running.after_readings(1).sum("immap_probes_attached") == before)


def test_a_port_that_is_taken_is_one_line(running: Daemon) -> None:
    done = agent("--config", str(running.config), "daemon")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "10264" in line
    running.after_readings(1)


@pytest.mark.long
def test_with_every_default_and_all_series_taken_it_keeps_its_promise_too(tmp_path: Path) -> None:
    with daemon(tmp_path, tracked=1024, max_series=10_000, address="127.0.0.1:10266") as running:
        for _ in range(3):
            subprocess.run(["./churn", "4", "2000", "20"], check=True)
            scrape = running.after_readings(1)
        assert len(scrape.values) > 5_000
        with ThreadPoolExecutor(50) as threads:
            list(threads.map(lambda _: get(f"http://{running.address}/metrics"), range(50)))
        assert running.memory() <= MEMORY_LIMIT


def test_full_mode_counts_acquisitions_and_holds(tmp_path: Path) -> None:
    file = new_file("daemon-full")
    with daemon(tmp_path, mode="full", address="127.0.0.1:10265") as running:
        before = running.scrape()
        subprocess.run(storm_on(file), check=True)
        scrape = running.after_readings(2)
        label = inode_label(file)
        own = scrape.sum("immap_acquisitions_total", inode=label)
        other = "immap_acquisitions_total"
        # The file has a slot since the first wait for it; what was before went to `other`.
        assert 0 < own <= 2 * TASKS * COUNT
        assert own + scrape.sum(other, file="other") - before.sum(other, file="other") >= (
            2 * TASKS * COUNT
        )
        assert scrape.sum("immap_hold_seconds_total", inode=label) > 0
        assert scrape.sum("immap_lost_events_total") == 0
        assert running.memory() <= MEMORY_LIMIT


def test_after_kill_9_nothing_is_left_and_a_new_one_starts(tmp_path: Path) -> None:
    with daemon(tmp_path / "first", address="127.0.0.1:10266") as first:
        ours = len(programs())
        assert ours > 0
        first.process.kill()
        first.process.wait()
        until(lambda: len(programs()) < ours, 10)
    with daemon(tmp_path / "second", address="127.0.0.1:10266") as second:
        second.after_readings(1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    before = len(programs())
    with daemon(tmp_path, address="127.0.0.1:10267") as ended:
        ended.signal(number)
        assert ended.process.wait(30) == 0
    until(lambda: len(programs()) == before, 10)
