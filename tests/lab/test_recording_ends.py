# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording is what it says it is, whatever ends it: a full ring, SIGKILL, a full disk."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracing import LOCKS_OF_A_CHANGE, Report, agent, new_file

COUNT = 997
#: Records of one mapping and its end: two acquisitions of each lock, two changes of the tree.
OF_A_MAPPING = 2 * LOCKS_OF_A_CHANGE + 2


@pytest.fixture(scope="module", autouse=True)
def known() -> None:
    new_file("known")


@pytest.fixture
def recorder() -> Iterator[subprocess.Popen[str]]:
    output = Path("ended.parquet")
    output.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["immapscope", "record", "-o", "ended.parquet", "--buffer", "1", "--duration", "120s"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    # The first footer is written some seconds after the session opened.
    while not (output.exists() and output.stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < until
        subprocess.run(["./treeops", "1", "known", "map", "10"], check=True)
        time.sleep(0.2)
    yield process
    process.kill()
    process.wait()


def report(output: str, *options: str) -> Report:
    done = agent("report", output, "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    return Report(json.loads(done.stdout))


def test_what_the_ring_has_no_room_for_is_counted_exactly(
    recorder: subprocess.Popen[str],
) -> None:
    recorder.send_signal(signal.SIGSTOP)
    mappings = 9973
    subprocess.run(["./treeops", "1", "known", "map", str(mappings)], check=True)
    recorder.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    recorder.send_signal(signal.SIGINT)
    _, said = recorder.communicate(timeout=120)
    assert recorder.returncode == 130
    found = report("ended.parquet")
    assert found.law() == {"acquisitions": 0, "waits": 0}
    # The ring has room for 2^20 / 72 records.
    lost = found.lost("acquisitions") + found.lost("tree_operations")
    assert lost >= OF_A_MAPPING * mappings - (1 << 20) // 72
    told = re.search(r"; ([\d,]+) rows found no room", said)
    # Forks, execs and exits are rows too.
    assert told is not None
    assert lost <= int(told[1].replace(",", "")) <= lost + 10


def test_a_killed_recorder_leaves_what_was_finished(recorder: subprocess.Popen[str]) -> None:
    subprocess.run(["./treeops", "1", "known", "map", str(COUNT)], check=True)
    time.sleep(12)
    recorder.kill()
    recorder.wait()
    found = report("ended.parquet")
    assert found.total("acquisitions", Path("known").absolute()) >= 2 * COUNT
    assert any("was not closed" in note for note in found.document["notes"])


def test_a_full_disk_ends_it_with_one_line_and_keeps_what_there_is() -> None:
    disk = Path("disk")
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], check=True)
    driver = "while :; do ./treeops 1 known map 2000; done"
    done = agent(
        "record", "-o", "disk/full.parquet", "--duration", "120s", "--", "sh", "-c", driver
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line
    assert report("disk/full.parquet").total("acquisitions", Path("known").absolute()) > 0
