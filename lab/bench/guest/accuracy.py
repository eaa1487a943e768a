# SPDX-License-Identifier: GPL-2.0-or-later
"""accuracy.py MAPS SECONDS: in a guest, what each tool says of two workloads whose truth is known.

A storm: a task on each CPU maps and unmaps one file MAPS times, each of which takes its lock once.
A long hold: a walk over the file's mappings of some SECONDS, and calls that are blocked by it time
themselves. Beside each tool a program of bpftrace counts the slow paths of that one lock: waits,
those of them that ended while spinning, and what a tool on lock:contention_begin and _end has.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import Told, bpftrace, keep, running, tool

_SLOW_PATHS = ("rwsem_down_write_slowpath", "rwsem_down_read_slowpath")
#: Without a file name: an address is all that tells one lock from another here.
_ORACLE = (
    "".join(
        f"""
fentry:{path} /(int64)args.sem == LOCK/ {{ @in[tid] = nsecs; }}
fexit:{path} /@in[tid]/ {{
  $took = nsecs - @in[tid];
  @waits = count(); @wait_ns = sum($took); @longest_ns = max($took);
  if (!@queued[tid]) {{ @spun = count(); @spun_ns = sum($took); }}
  delete(@in[tid]); delete(@queued[tid]);
}}
"""
        for path in _SLOW_PATHS
    )
    + """
tracepoint:lock:contention_begin /@in[tid] && (int64)args.lock_addr == LOCK/ {
  @queued[tid] = nsecs;
}
tracepoint:lock:contention_end /@queued[tid] && (int64)args.lock_addr == LOCK/ {
  @seen = count(); @seen_ns = sum(nsecs - @queued[tid]);
}
"""
)
_LOCK = """
kprobe:vma_interval_tree_insert {
  $mapping = ((struct vm_area_struct *)arg0)->vm_file->f_mapping;
  if ($mapping->host->i_ino == INODE) {
    printf("lock %lu\\n", (uint64)$mapping + offsetof(struct address_space, i_mmap_rwsem));
    exit();
  }
}
"""
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = r"([\d.]+) (ns|us|ms|s|m|h)"
_KLOCKSTAT = re.compile(rf"\S+\+0x\w+ +{_TIME} +(\d+) +{_TIME} +{_TIME} *$")
_PERF = re.compile(rf"^ *(\d+) +{_TIME} +{_TIME} +{_TIME} +([0-9a-f]{{8,}})")


@dataclass(frozen=True)
class Said:
    """What was said of the lock; None is what the tool does not tell."""

    acquisitions: int | None
    waits: int | None
    wait_seconds: float | None
    longest_seconds: float | None


Work = Sequence[str]
Tool = Callable[[Path, int, Work], tuple[Said, str]]


def ours(mode: str) -> Tool:
    """A session for that file alone."""

    def session(file: Path, lock: int, work: Work) -> tuple[Said, str]:
        output = Path("ours.json")
        printed = _printed(
            "immapscope", "trace", "--mode", mode, "--inode", str(file),
            "--format", "json", "--output", str(output), "--", *work,
        )  # fmt: skip
        document = json.loads(output.read_text())
        totals = document["totals"]
        longest = max((row["wait_seconds_max"] for row in document["rows"]), default=0.0)
        return (
            Said(totals["acquisitions"], totals["contended"], totals["wait_seconds"], longest),
            printed,
        )

    return session


def klockstat(file: Path, lock: int, work: Work) -> tuple[Said, str]:
    """That of libbpf, for that lock; it calls each acquisition a wait."""
    with running([*tool("klockstat"), "-L", hex(lock)]):
        printed = _printed(*work)
    text = Path("contender.log").read_text()
    acquired = [_KLOCKSTAT.search(line) for line in text.partition("Avg Hold")[0].splitlines()]
    rows = [row for row in acquired if row]
    return (
        Said(
            sum(int(row[3]) for row in rows),
            None,
            sum(_seconds(row[6], row[7]) for row in rows),
            max((_seconds(row[4], row[5]) for row in rows), default=None),
        ),
        printed,
    )


def perf(file: Path, lock: int, work: Work) -> tuple[Said, str]:
    """Its recording of lock:contention_begin and _end, summed by the lock's address."""
    printed = _printed(*tool("perf"), "lock", "record", "-a", "-o", "/tmp/perf.data", "--", *work)
    text = _printed(*tool("perf"), "lock", "contention", "-l", "-i", "/tmp/perf.data", both=True)
    rows = [row for row in map(_PERF.search, text.splitlines()) if row and int(row[8], 16) == lock]
    if not rows:
        return Said(None, 0, 0.0, None), printed
    (row,) = rows
    return Said(None, int(row[1]), _seconds(row[2], row[3]), _seconds(row[4], row[5])), printed


def nothing(file: Path, lock: int, work: Work) -> tuple[Said, str]:
    """Only what counts beside each tool."""
    return Said(None, None, None, None), _printed(*work)


TOOLS: dict[str, Tool] = {
    "nothing": nothing,
    "full": ours("full"),
    "contention": ours("contention"),
    "klockstat": klockstat,
    "perf-record": perf,
}


def _printed(*command: str, both: bool = False) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]}: {done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if both else "")


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]


def lock_of(file: Path) -> int:
    """The address of the file's i_mmap_rwsem, which stays while the file is open."""
    program = _LOCK.replace("INODE", str(file.stat().st_ino))
    with subprocess.Popen(bpftrace(program), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.poll() is None:
            _printed("./treeops", "0", str(file), "map", "1")
            time.sleep(0.5)
        found = re.search(r"^lock (\d+)$", process.stdout.read(), re.MULTILINE)
    if found is None:
        raise RuntimeError("no mapping of the file was seen")
    return int(found[1])


def counted() -> dict[str, int]:
    """What the program beside the tool has, once it has ended."""
    text = Path("oracle.log").read_text()
    return {name: int(value) for name, value in re.findall(r"^@(\w+): (\d+)$", text, re.MULTILINE)}


def measured(name: str, file: Path, lock: int, work: Work) -> tuple[Said, dict[str, int], str]:
    """What the tool said, what was counted beside it, and what the work printed."""
    signed = lock - (1 << 64)
    with Path("oracle.log").open("wb") as log:
        oracle = subprocess.Popen(
            bpftrace("BEGIN { printf(\"attached\\n\"); }" + _ORACLE.replace("LOCK", str(signed))),
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    while "attached" not in Path("oracle.log").read_text():
        if oracle.poll() is not None:
            raise RuntimeError(Path("oracle.log").read_text())
        time.sleep(0.2)
    try:
        said, printed = TOOLS[name](file, lock, work)
    finally:
        oracle.send_signal(signal.SIGINT)
        oracle.wait(120)
    return said, counted(), printed


def main(words: list[str]) -> int:
    """0; $OUT/accuracy.json has every figure."""
    maps, seconds = words
    file = Path("stormed").absolute()
    file.write_bytes(bytes(8 * 4096))
    os.sync()
    cpus = range(os.cpu_count() or 1)
    storm = " ".join(f"./treeops {cpu} {file} map {maps} &" for cpu in cpus) + " wait"
    works = {
        "storm": ["sh", "-c", storm],
        "long hold": ["./longhold", str(file), seconds, "2", "4", "6"],
    }
    Path("/proc/sys/vm/max_map_count").write_text("4000000")
    found: list[Told] = []
    with file.open("rb"):
        lock = lock_of(file)
        for what, work in works.items():
            for name in TOOLS:
                one: Told = {"workload": what, "tool": name}
                try:
                    said, beside, printed = measured(name, file, lock, work)
                    calls = re.findall(r"mmap (\d+) munmap (\d+)", printed)
                    longest = max((int(ns) for call in calls for ns in call), default=None)
                    one |= {"said": asdict(said), "beside": beside, "longest_call_ns": longest}
                except (RuntimeError, OSError) as error:
                    one["failed"] = str(error)[-2000:]
                if what == "storm":
                    one["acquisitions"] = 2 * int(maps) * len(cpus)
                keep(found, one, "accuracy.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
