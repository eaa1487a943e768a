# SPDX-License-Identifier: GPL-2.0-or-later
"""measure.py ROUNDS WORK... -- CONTENDER...: in a guest, the same work with nothing and under each.

WORK is WHAT:COUNT or WHAT:COUNT:TASKS of fixedwork. Nothing and a contender take turns, so that
what drifts drifts for both; $OUT/measured.json has every figure.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Told = dict[str, Any]

HERE = Path(__file__).parent
#: Where the host put the programs that are not in the guest's image, with their libraries.
TOOLS = HERE / "tools"
FILE = "/usr/bin/true"

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


def elapsed(printed: str) -> dict[str, int]:
    """What fixedwork printed, among what else may be there."""
    lines = [line.split() for line in printed.splitlines()]
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


def within(command: Sequence[str], work: Sequence[str]) -> tuple[dict[str, int], Told]:
    """Under a program that runs the work itself."""
    done = subprocess.run([*command, *work], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}: {done.stdout}{done.stderr}")
    return elapsed(done.stdout), {}


def beside(command: Sequence[str], work: Sequence[str]) -> tuple[dict[str, int], Told]:
    """Beside a program that is interrupted afterwards."""
    began = time.monotonic()
    with running(command) as process:
        told: Told = {"attached_seconds": time.monotonic() - began}
        measured = run(work)
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        told["resident_bytes"] = int(resident.split()[1]) * 1024
    return measured, told


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """From when it has attached its programs: for a second no more of them came."""
    before = programs()
    log = Path("contender.log")
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        seen, deadline = before, time.monotonic() + 300
        while True:
            time.sleep(1)
            now = programs()
            if now > before and now == seen:
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{shlex.join(command)}: {log.read_text()}")
            seen = now
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def programs() -> int:
    """BPF programs in the kernel."""
    listed = subprocess.run(["bpftool", "prog", "list"], capture_output=True, text=True, check=True)
    return sum(line[:1].isdigit() for line in listed.stdout.splitlines())


def tool(name: str) -> list[str]:
    """A program that the host brought, run by its own libraries."""
    libraries = TOOLS / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    folders = (TOOLS / "usr/sbin", TOOLS / "usr/bin")
    places = [folder / name for folder in folders] + [
        folder / f"{name}-libbpf" for folder in folders
    ]
    place = next((path for path in places if path.exists()), None)
    if place is None:
        raise RuntimeError(f"{name} is in no package that was brought")
    return [str(loader), "--library-path", str(libraries), str(place)]


def bpftrace(program: str) -> list[str]:
    """bpftrace with the lab's own program."""
    return ["bpftrace", "-B", "none", "-e", program]


Contender = Callable[[Sequence[str]], tuple[dict[str, int], Told]]

CONTENDERS: dict[str, Contender] = {
    **{
        kind: lambda work, kind=kind: ours(kind, work)  # type: ignore[misc]
        for mode in ("contention", "contention-without-trees", "full")
        for kind in (mode, f"{mode}-empty", f"{mode}-events", f"{mode}-empty-events")
    },
    "klockstat": lambda work: beside(tool("klockstat"), work),
    "bpftrace-waits": lambda work: beside(bpftrace(WAITS), work),
    "bpftrace-acquisitions": lambda work: beside(bpftrace(ACQUISITIONS), work),
    # Debian's perf is built without BPF skeletons, so -b is not to be had: it records.
    "perf-record": lambda work: within(
        [*tool("perf"), "lock", "record", "-a", "-o", "/tmp/perf.data", "--"], work
    ),
}


def keep(measured: list[Told], one: Told, name: str) -> None:
    """Adds what was measured just now, and writes all of it: the next may take the guest down."""
    measured.append(one)
    print(json.dumps(one), flush=True)
    Path(os.environ["OUT"], name).write_text(json.dumps(measured))


def main(words: list[str]) -> int:
    """0; what a contender says when it fails is kept in its place."""
    split = words.index("--")
    rounds, works, names = int(words[0]), words[1:split], words[split + 1 :]
    Path("/proc/sys/kernel/randomize_va_space").write_text("0")
    commands = [f"./fixedwork {FILE} {one.replace(':', ' ')}" for one in works]
    work = ["sh", "-c", " && ".join(commands)]
    run(work)
    # The first session of a boot pays for what the kernel does once, which is nobody's cost.
    ours("full-empty", work)
    measured: list[Told] = []
    for number in range(rounds):
        for name in names:
            one: Told = {"contender": name, "round": number, "bare": run(work)}
            try:
                one["under"], one["told"] = CONTENDERS[name](work)
            except (RuntimeError, StopIteration, OSError) as error:
                one["failed"] = str(error)[-2000:]
            keep(measured, one, "measured.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
