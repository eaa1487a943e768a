# SPDX-License-Identifier: GPL-2.0-or-later
"""However a session ends, what was measured is printed if it can be, and the kernel is clean."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tracing import Json, agent

KPROBE_EVENTS = Path("/sys/kernel/tracing/kprobe_events")
OURS = re.compile(r"^(kprobe_|kretprobe_|raw_tracepoint_|kfunc__|kretfunc__)")


def listed(kind: str) -> list[Json]:
    """Programs, links or maps in the kernel, without those that bpftool itself lists them by."""
    done = subprocess.run(
        ["bpftool", "--json", kind, "list"], capture_output=True, text=True, check=True
    )
    found: list[Json] = json.loads(done.stdout or "[]")
    return [
        one
        for one in found
        if not one.get("name", "").startswith("pid_iter") and one.get("type") != "iter"
    ]


def programs() -> list[Json]:
    return [one for one in listed("prog") if OURS.match(one.get("name", ""))]


def objects() -> set[tuple[str, int]]:
    """Each program, link and map in the kernel."""
    return {(kind, one["id"]) for kind in ("prog", "link", "map") for one in listed(kind)}


#: What the guest has of its own.
BEFORE = objects()


def started(*options: str) -> subprocess.Popen[str]:
    """A session that runs: all of its programs are there."""
    process = subprocess.Popen(
        ["immapscope", "trace", "--format", "json", *options, "--", "sleep", "600"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 180
    while "sleep\x00600" not in all_command_lines(children_of(process.pid)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert programs()
    assert {kind for kind, _ in objects() - BEFORE} == {"prog", "link", "map"}
    return process


def children_of(pid: int) -> list[str]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return listed.read_text().split() if listed.exists() else []


def all_command_lines(pids: list[str]) -> str:
    return "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)


def is_clean_within(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while left := objects() - BEFORE:
        if time.monotonic() > deadline:
            print("left in the kernel:", left)
            return False
        time.sleep(0.5)
    return True


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.core), signal.SIGTERM]
)
def test_a_signal_prints_what_was_measured_and_leaves_nothing(number: signal.Signals) -> None:
    session = started()
    session.send_signal(number)
    out, err = session.communicate(timeout=60)
    assert session.returncode == 130, err
    assert json.loads(out)["totals"]["acquisitions"] > 0
    assert is_clean_within(10)


@pytest.mark.core
def test_ten_seconds_after_kill_9_nothing_is_left() -> None:
    session = started()
    session.kill()
    session.wait()
    assert is_clean_within(10)
    assert KPROBE_EVENTS.read_text() == ""


def test_what_kretprobes_leave_the_next_start_removes() -> None:
    session = started("--attach", "kprobe")
    session.kill()
    session.wait()
    assert is_clean_within(10)
    assert "rwsem_down_write_slowpath" in KPROBE_EVENTS.read_text()
    assert agent("doctor").returncode == 0
    assert KPROBE_EVENTS.read_text() == ""


@pytest.mark.core
def test_the_commands_own_status_wins() -> None:
    assert agent("trace", "--", "sh", "-c", "exit 7").returncode == 7


@pytest.mark.core
def test_doctor_finds_a_stock_kernel_traceable() -> None:
    done = agent("doctor", "--format", "json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["traceable"]


@pytest.mark.core
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["trace", "--mode", "everything"], 2),
        (["trace", "--duration", "0"], 2),
        (["trace", "--inode", ""], 2),
        (["trace", "--output", "/nowhere/file"], 2),
        (["trace", "--what"], 2),
        (["trace", "--", "/nowhere/command"], 127),
        (["trace", "--", "/etc/passwd"], 126),
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], status: int) -> None:
    done = agent(*arguments)
    assert done.returncode == status, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_what_no_kernel_can_run_is_told_once_the_session_is_open(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\1\2")
    garbage.chmod(0o755)
    done = agent("trace", "--", str(garbage))
    assert (done.returncode, done.stdout) == (126, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert is_clean_within(10)


@pytest.mark.core
def test_without_root_it_says_so() -> None:
    done = subprocess.run(
        ["runuser", "-u", "storm", "--", "immapscope", "trace"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "root" in done.stderr
