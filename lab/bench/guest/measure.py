# SPDX-License-Identifier: GPL-2.0-or-later
"""measure.py ROUNDS WORK... -- CONTENDER...: in a guest, the same work with nothing and under each.

WORK is WHAT:COUNT or WHAT:COUNT:TASKS of fixedwork, scaled:COUNT:VMAS:FILES, or
contended:COUNT:VMAS:TASKS. Nothing and a contender take turns, so that what drifts drifts for both;
$OUT/measured.json has every figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lock_stat
import printed
from processes import LOG, bpftrace, running, taken, tool

Told = dict[str, Any]

HERE = Path(__file__).parent
FILE = "/usr/bin/true"
#: Work that is no fixedwork.
SCRIPTS = ("scaled", "contended")
#: khugepaged goes over the memory of any large process, which a session's is, when it likes: tens
#: of millions of instructions, now in one piece of work and now in another.
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

#: Contended waits of each file: the slow paths, and from the rwsem's address to the file by BTF.
WAITS = "".join(
    """
kfunc:SLOW_PATH {
  @began[tid] = nsecs;
}
kretfunc:SLOW_PATH /@began[tid]/ {
  $mapping = (uint64)args.sem - offsetof(struct address_space, i_mmap_rwsem);
  $host = ((struct address_space *)$mapping)->host;
  if ((uint64)$host + offsetof(struct inode, i_data) == $mapping) {
    @waits[$host->i_ino] = count();
    @waited[$host->i_ino] = sum(nsecs - @began[tid]);
  }
  delete(@began[tid]);
}
""".replace("SLOW_PATH", path)
    # Their arguments differ, so one probe cannot have both.
    for path in ("rwsem_down_write_slowpath", "rwsem_down_read_slowpath")
)
#: Acquisitions of each file.
ACQUISITIONS = """
kprobe:down_write, kprobe:down_read {
  $mapping = arg0 - offsetof(struct address_space, i_mmap_rwsem);
  $host = ((struct address_space *)$mapping)->host;
  if ((uint64)$host + offsetof(struct inode, i_data) == $mapping) {
    @acquired[$host->i_ino] = count();
  }
}
"""


def run(work: Sequence[str]) -> dict[str, int]:
    """ns of each piece of work."""
    done = subprocess.run(work, capture_output=True, text=True, check=True)
    return elapsed(done.stdout)


def elapsed(text: str) -> dict[str, int]:
    """What fixedwork printed, among what else may be there."""
    lines = [line.split() for line in text.splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def ours(kind: str, work: Sequence[str]) -> tuple[dict[str, int], Told]:
    """Under a session of the agent."""
    done = subprocess.run(
        ["python3", HERE / "observe.py", kind, "--", *work],
        env={**os.environ, "PYTHONPATH": "/lab/checkout/agent"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{kind}: {done.stderr}")
    return elapsed(done.stdout), json.loads(done.stderr.splitlines()[-1])


def beside(
    command: Sequence[str], work: Sequence[str], counted: Callable[[str], Told]
) -> tuple[dict[str, int], Told]:
    """Beside a program that is interrupted afterwards, and then tells what it counted."""
    with running(command) as it:
        measured = run(work)
        told: Told = {"attached_seconds": it.attached_seconds, **taken(it.process.pid)}
    return measured, told | counted(LOG.read_text())


def lock_statistics(work: Sequence[str]) -> tuple[dict[str, int], Told]:
    """While the kernel keeps its account, which is part of it."""
    with lock_stat.counting():
        measured = run(work)
    of_class = lock_stat.classes(lock_stat.ACCOUNT.read_text())
    return measured, {"acquisitions": sum(one.acquisitions for one in of_class)}


def nothing(work: Sequence[str]) -> tuple[dict[str, int], Told]:
    """Once more without anything: for a kernel that is compared with another."""
    return run(work), {}


Contender = Callable[[Sequence[str]], tuple[dict[str, int], Told]]

OURS: dict[str, Contender] = {
    f"{mode}{how}": lambda work, kind=f"{mode}{how}": ours(kind, work)  # type: ignore[misc]
    for mode in ("contention", "contention-without-trees", "full")
    for how in ("", "-empty", "-events", "-empty-events", "-crowded-events")
}
TOOLS: dict[str, Contender] = {
    # Ours as it is left running, by its defaults: it reads its counters now and then, for nobody.
    "daemon": lambda work: beside(["immapscope", "daemon"], work, lambda _: {}),
    "klockstat": lambda work: beside(tool("klockstat"), work, printed.counted_by_klockstat),
    "bpftrace-waits": lambda work: beside(bpftrace(WAITS), work, printed.counted_by_bpftrace),
    "bpftrace-acquisitions": lambda work: beside(
        bpftrace(ACQUISITIONS), work, printed.counted_by_bpftrace
    ),
    # Debian's perf is built without BPF skeletons, so -b is not to be had: it records.
    "perf-record": lambda work: beside(
        [*tool("perf"), "lock", "record", "-a", "-o", "/tmp/perf.data"],
        work,
        printed.counted_by_perf,
    ),
}
#: Of the kernel and not of a tool.
OF_THE_KERNEL: dict[str, Contender] = {"lock_stat": lock_statistics, "nothing": nothing}


def keep(measured: list[Told], one: Told, name: str) -> None:
    """Adds what was measured just now, and writes all of it: the next may take the guest down."""
    measured.append(one)
    print(json.dumps(one), flush=True)
    Path(os.environ["OUT"], name).write_text(json.dumps(measured))


def shell_command(work: str) -> str:
    """What the shell runs for a WORK."""
    what, _, words = work.partition(":")
    words = words.replace(":", " ")
    if what in SCRIPTS:
        return f"python3 {HERE / what}.py {words}"
    return f"./fixedwork {FILE} {what} {words}"


def memory_bytes(meminfo: Path = Path("/proc/meminfo")) -> int:
    """What the kernel left for others when it booted."""
    (total,) = (
        line.split()[1] for line in meminfo.read_text().splitlines() if line.startswith("MemTotal:")
    )
    return int(total) * 1024


def main(words: list[str]) -> int:
    """0; what a contender says when it fails is kept in its place."""
    split = words.index("--")
    rounds, works, names = int(words[0]), words[1:split], words[split + 1 :]
    contenders = OURS | TOOLS | OF_THE_KERNEL
    Path("/proc/sys/kernel/randomize_va_space").write_text("0")
    if HUGE_PAGES.exists():
        HUGE_PAGES.write_text("never")
    lock_stat.off()
    work = ["sh", "-c", " && ".join(shell_command(one) for one in works)]
    run(work)
    if OURS.keys() & set(names):
        # The first session of a boot pays for what the kernel does once, which is nobody's cost.
        ours("full-empty", work)
    measured: list[Told] = []
    for number in range(rounds):
        for name in names:
            one: Told = {"contender": name, "round": number, "memory_bytes": memory_bytes()}
            one["bare"] = run(work)
            try:
                one["under"], one["told"] = contenders[name](work)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                one["failed"] = str(error)[-2000:]
            keep(measured, one, "measured.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
