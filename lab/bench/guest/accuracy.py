# SPDX-License-Identifier: GPL-2.0-or-later
"""accuracy.py MAPS SECONDS WORKLOAD...: in a guest, what each tool says of work that is known.

storm: a task on each CPU maps and unmaps one file MAPS times, each of which takes its lock once.
long hold: a walk over the file's mappings of some SECONDS, and calls that are blocked by it time
themselves. test_lockup: the kernel's own module takes the file's lock on every CPU and holds it as
long as it is told; only on a kernel that has it. Beside each tool slow_paths.py counts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import lock_stat
import printed
import slow_paths
from measure import Told, keep
from processes import LOG, running, tool

#: What user space timed itself, or the module its waits.
_LONGEST = re.compile(r"mmap (\d+) munmap (\d+)|Maximum lock wait: (\d+) ns")
#: What `perf lock record` does, also where LOCK_STAT's own tracepoints would turn its head.
_PERF_RECORD = (
    "record", "-R", "-m", "1024", "-c", "1", "--synth", "task", "-a",
    "-e", "lock:contention_begin", "-e", "lock:contention_end",
)  # fmt: skip
#: Of test_lockup: once each before the first time, and once more after each (reacquire_locks).
ITERATIONS = 2
_HELD_NS = 500_000_000


@dataclass(frozen=True)
class Said:
    """What was said of the lock; None is what the tool does not tell."""

    acquisitions: int | None
    waits: int | None
    wait_seconds: float | None
    longest_seconds: float | None


Tool = Callable[[Path, int, Sequence[str]], tuple[Said, str]]


def ours(mode: str) -> Tool:
    """A session for that file alone."""

    def session(file: Path, lock: int, work: Sequence[str]) -> tuple[Said, str]:
        output = Path("ours.json")
        text = _run(
            "immapscope", "trace", "--mode", mode, "--inode", str(file),
            "--format", "json", "--output", str(output), "--", *work,
        )  # fmt: skip
        document = json.loads(output.read_text())
        totals = document["totals"]
        longest = max((row["wait_seconds_max"] for row in document["rows"]), default=0.0)
        return (
            Said(totals["acquisitions"], totals["contended"], totals["wait_seconds"], longest),
            text,
        )

    return session


def klockstat(file: Path, lock: int, work: Sequence[str]) -> tuple[Said, str]:
    """That of libbpf, for that lock; it calls each acquisition a wait."""
    with running([*tool("klockstat"), "-L", hex(lock)]):
        text = _run(*work)
    rows = list(printed.klockstat(LOG.read_text()))
    return (
        Said(
            sum(row.count for row in rows),
            None,
            sum(row.seconds for row in rows),
            max((row.longest_seconds for row in rows), default=None),
        ),
        text,
    )


def perf(file: Path, lock: int, work: Sequence[str]) -> tuple[Said, str]:
    """Its recording of lock:contention_begin and _end, summed by the lock's address."""
    text = _run(*tool("perf"), *_PERF_RECORD, "-o", "/tmp/perf.data", "--", *work)
    report = _run(*tool("perf"), "lock", "contention", "-l", "-i", "/tmp/perf.data", both=True)
    row = printed.perf_contention(report, lock)
    if row is None:
        return Said(None, 0, 0.0, None), text
    return Said(None, row.count, row.seconds, row.longest_seconds), text


def statistics(file: Path, lock: int, work: Sequence[str]) -> tuple[Said, str]:
    """LOCK_STAT's, of the class that every file's lock is of: so no acquisitions of this one."""
    with lock_stat.counting():
        text = _run(*work)
    of_class = [
        one
        for one in lock_stat.classes(lock_stat.ACCOUNT.read_text())
        if "i_mmap_rwsem" in one.name
    ]
    return (
        Said(
            None,
            sum(one.contentions for one in of_class),
            sum(one.wait_seconds for one in of_class),
            max((one.longest_seconds for one in of_class), default=None),
        ),
        text,
    )


def nothing(file: Path, lock: int, work: Sequence[str]) -> tuple[Said, str]:
    """Only what counts beside each tool."""
    return Said(None, None, None, None), _run(*work)


TOOLS: dict[str, Tool] = {
    "nothing": nothing,
    "full": ours("full"),
    "contention": ours("contention"),
    "klockstat": klockstat,
    "perf-record": perf,
}


def _run(*command: str, both: bool = False) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]}: {done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if both else "")


def workloads(
    file: Path, cpus: int, maps: int, seconds: str
) -> dict[str, tuple[list[str], int | None]]:
    """By name: what to run, and how often it takes the file's lock, where that is known."""
    storm = " ".join(f"./treeops {cpu} {file} map {maps} &" for cpu in range(cpus)) + " wait"
    parameters = {
        "file_path": file, "lock_mapping": 1, "reacquire_locks": 1, "state": "D", "use_hrtimer": 1,
        "all_cpus": 1, "iterations": ITERATIONS, "time_nsecs": _HELD_NS, "measure_lock_wait": 1,
    }  # fmt: skip
    module = " ".join(f"{name}={value}" for name, value in parameters.items())
    # It refuses to be loaded when it has done its work.
    lockup = f"dmesg --clear; modprobe test_lockup {module}; test $? -ne 0 && dmesg"
    return {
        "storm": (["sh", "-c", storm], 2 * maps * cpus),
        "long hold": (["./longhold", str(file), seconds, "2", "4", "6"], None),
        "test_lockup": (["sh", "-c", lockup], cpus * (1 + ITERATIONS)),
    }


def longest(text: str) -> int | None:
    """ns of the longest call or wait that the work itself timed."""
    return max((int(ns) for found in _LONGEST.findall(text) for ns in found if ns), default=None)


def main(words: list[str]) -> int:
    """0; $OUT/accuracy.json has every figure."""
    maps, seconds, *names = words
    file = Path("stormed").absolute()
    file.write_bytes(bytes(8 * 4096))
    os.sync()
    works = workloads(file, os.cpu_count() or 1, int(maps), seconds)
    Path("/proc/sys/vm/max_map_count").write_text("4000000")
    lock_stat.off()
    tools = TOOLS | ({"lock_stat": statistics} if lock_stat.SWITCH.exists() else {})
    found: list[Told] = []
    with file.open("rb"):
        lock = slow_paths.lock_of(file)
        for what in names:
            work, acquisitions = works[what]
            for name, ask in tools.items():
                one: Told = {"workload": what, "tool": name}
                try:
                    with slow_paths.counted(lock) as beside:
                        said, text = ask(file, lock, work)
                    one |= {"said": asdict(said), "beside": beside}
                    one["longest_call_ns"] = longest(text)
                except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                    one["failed"] = str(error)[-2000:]
                if acquisitions is not None:
                    one["acquisitions"] = acquisitions
                keep(found, one, "accuracy.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
