# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits that end while spinning are seen, which a clock that starts at contention_begin misses.

rwsem_down_write_slowpath() first spins, and returns on success before trace_contention_begin()
(kernel/locking/rwsem.c). The test is run on the agent, and on a copy of it that starts its clock
there, where it must fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tracing import Report, new_file

CHECKOUT = Path("/lab/checkout")
COUNT = 2003

_RIGHT = """else
		count_wait(row, wait, now);"""
#: A wait that never queued is not counted, and one that did has waited only since.
_BLIND = """else if (wait->queued) {
		wait->began = wait->queued;
		count_wait(row, wait, now);
	}"""


def blind_copy() -> Path:
    """The agent as it would be if its clock started at contention_begin."""
    copy = Path("blind").absolute()
    for part in ("agent", "probes"):
        shutil.copytree(CHECKOUT / part, copy / part, dirs_exist_ok=True)
    probe = copy / "probes" / "slowpath.c"
    text = probe.read_text()
    assert _RIGHT in text
    probe.write_text(text.replace(_RIGHT, _BLIND))
    return copy


def storm_seen_by(agent: Path) -> Report:
    file = new_file("spun-on")
    tasks = " ".join(f"./treeops {cpu} {file} map {COUNT} &" for cpu in range(8))
    subprocess.run(
        [
            sys.executable, "-m", "immapscope", "trace", "--mode", "contention",
            "--inode", file.name, "--format", "json", "--output", "spun.json",
            "--", "sh", "-c", f"{tasks} wait",
        ],
        env={**os.environ, "PYTHONPATH": str(agent / "agent")}, check=True, timeout=300,
    )  # fmt: skip
    return Report(json.loads(Path("spun.json").read_text()))


def assert_spinning_is_seen(report: Report) -> None:
    """Every wait that entered is counted, and some of their time was spent spinning."""
    totals = report.document["totals"]
    assert totals["contended"] > 0
    assert report.law() == {"waits": 0}
    assert sum(row["spin_seconds"] or 0 for row in report.rows()) > 0


def test_waits_that_end_while_spinning_are_counted() -> None:
    assert_spinning_is_seen(storm_seen_by(CHECKOUT))


def test_a_clock_that_starts_at_contention_begin_fails_this_test() -> None:
    blind = storm_seen_by(blind_copy())
    with pytest.raises(AssertionError):
        assert_spinning_is_seen(blind)
