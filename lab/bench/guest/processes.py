# SPDX-License-Identifier: GPL-2.0-or-later
"""Other people's tools as they run: since when they are attached, and what they take of memory."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: Where the host put the programs that are not in the guest's image, with their libraries.
TOOLS = Path(__file__).parent / "tools"
#: What the tool that ran last printed.
LOG = Path("contender.log")
PROC = Path("/proc")

_LOOK_SECONDS = 0.2
_SETTLED_SECONDS = 1.0
_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Running:
    """A tool, and how many seconds after its start nothing more was attached."""

    process: subprocess.Popen[bytes]
    attached_seconds: float


@contextmanager
def running(command: Sequence[str]) -> Iterator[Running]:
    """From when it has attached: for a second nothing more came. Interrupted at the end.

    Raises RuntimeError with what it said where it ends before.
    """
    began = time.monotonic()
    with LOG.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        seen, changed = 0, began
        while not seen or time.monotonic() - changed < _SETTLED_SECONDS:
            time.sleep(_LOOK_SECONDS)
            now = attached(process.pid)
            if now != seen:
                seen, changed = now, time.monotonic()
            if process.poll() is not None or time.monotonic() - began > _PATIENCE_SECONDS:
                raise RuntimeError(f"{shlex.join(command)}: {LOG.read_text()}")
        yield Running(process, changed - began)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def attached(process: int, proc: Path = PROC) -> int:
    """How many descriptors and buffers it has, once a BPF program or a buffer is among them."""
    descriptors = list(_descriptors(proc / str(process) / "fdinfo"))
    mapped = len(buffers(process, proc))
    programs = any("prog_id" in fields for fields in descriptors)
    return len(descriptors) + mapped if programs or mapped else 0


def buffers(process: int, proc: Path = PROC) -> list[int]:
    """Bytes of each buffer of perf events that it has mapped, which the kernel allocates whole."""
    try:
        lines = (proc / str(process) / "maps").read_text().splitlines()
    except OSError:
        # It has just ended.
        return []
    ranges = [line.split()[0].split("-") for line in lines if line.endswith("[perf_event]")]
    return [int(end, 16) - int(begin, 16) for begin, end in ranges]


def taken(process: int, proc: Path = PROC) -> dict[str, int]:
    """resident_bytes at most, kernel_bytes, and events that the kernel skipped of its programs."""
    folder = proc / str(process)
    status = _fields((folder / "status").read_text())
    # By what it is: a map or program may have several descriptors, and a link names its program.
    held = {
        tuple(fields.get(key) for key in ("map_id", "prog_id", "link_id")): fields
        for fields in _descriptors(folder / "fdinfo")
    }

    def summed(key: str) -> int:
        return sum(int(fields.get(key, "0")) for fields in held.values())

    return {
        "resident_bytes": int(status["VmHWM"].split()[0]) * 1024,
        "kernel_bytes": summed("memlock") + sum(buffers(process, proc)),
        "skipped": summed("recursion_misses"),
    }


def _descriptors(folder: Path) -> Iterator[dict[str, str]]:
    # One that has just been closed is none, and who has just ended has none.
    with suppress(OSError):
        for file in folder.iterdir():
            with suppress(OSError):
                yield _fields(file.read_text())


def _fields(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in lines}


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
