# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest from boot to power-off: its output as it comes, its status, nothing left behind."""

from __future__ import annotations

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import LabError
from lab.machine import Machine
from lab.qemu import Qemu

TIMED_OUT = 124
DIED = 70
CONSOLE_LINES = 30
POWER_OFF_SECONDS = 30
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class GuestError(LabError):
    """The guest ended without telling COMMAND's status; with the part of its console to show."""

    def __init__(self, message: str, status: int, console: Sequence[str]) -> None:
        super().__init__(message)
        self.status = status
        self.console = console


class StillbornError(GuestError):
    """QEMU ended before the guest said anything: nothing of the job has run."""


def run(qemu: Qemu, machine: Machine, folder: Path, limit_seconds: float) -> int:
    """COMMAND's status; GuestError if the guest panicked, died or outlived the limit.

    A guest that QEMU loses before it said anything is booted once more (seen in 1 of 100 boots on a
    busy host); one that said anything never, since COMMAND may have done something.
    """
    try:
        return _boot(qemu, machine, folder, limit_seconds)
    except StillbornError as error:
        print(f"lab: {error}; booting once more", file=sys.stderr)
        return _boot(qemu, machine, folder, limit_seconds)


def _boot(qemu: Qemu, machine: Machine, folder: Path, limit_seconds: float) -> int:
    console = folder / "console"
    log = folder / "qemu.log"
    console.write_bytes(b"")
    readers, writers = _channels()
    serial = {"console": str(console)}
    serial |= {name: f"/dev/fd/{writer}" for name, writer in writers.items()}
    process = _start([*qemu.command, *machine.arguments(serial)], list(writers.values()), log)
    try:
        for writer in writers.values():
            os.close(writer)
        control = _relay(readers, time.monotonic() + limit_seconds)
        status = _status(control)
        if status is not None:
            return status
        message = _last_words(process.wait(), log)
        if not control and not console.stat().st_size:
            raise StillbornError(message, DIED, ())
        raise _failure(message, DIED, console)
    except TimeoutError:
        message = f"guest outlived its {limit_seconds:g} s limit"
        raise _failure(message, TIMED_OUT, console) from None
    finally:
        process.kill()
        process.wait()
        for reader in readers.values():
            os.close(reader)


def _last_words(returncode: int, log: Path) -> str:
    """What is known of an end without a status: QEMU's own words, and how it ended if it failed."""
    said = log.read_text(errors="replace").splitlines()
    if returncode < 0:
        message = f"QEMU was ended by {signal.Signals(-returncode).name}"
    elif returncode > 0:
        message = f"QEMU failed with status {returncode}"
    else:
        message = "guest died before COMMAND ended"
    return f"{message}: {said[-1]}" if said else message


def _failure(message: str, status: int, console: Path) -> GuestError:
    """A panic explains both a death and a guest that hangs after it."""
    lines = console.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        _, panic, reason = line.partition("Kernel panic - not syncing: ")
        if panic:
            shown = lines[max(0, number - CONSOLE_LINES + 10) : number + 10]
            return GuestError(f"guest panicked: {reason}", DIED, shown)
    return GuestError(message, status, lines[-CONSOLE_LINES:])


def _channels() -> tuple[dict[str, int], dict[str, int]]:
    readers, writers = {}, {}
    for name in ("stdout", "stderr", "control"):
        readers[name], writers[name] = os.pipe()
    return readers, writers


def _start(command: Sequence[str], inherit: Sequence[int], log: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    with open(log, "w") as handle:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            pass_fds=inherit,
            preexec_fn=die_with_parent,
            # Ctrl-C is for us alone: we end the guest.
            start_new_session=True,
        )


def _relay(readers: Mapping[str, int], deadline: float) -> bytes:
    """Pass output on until the guest is gone; what it told on the control port.

    TimeoutError when the deadline (monotonic seconds) passes before it told a status.
    """
    control = b""
    targets = {"stdout": 1, "stderr": 2}
    with selectors.DefaultSelector() as selector:
        for name, reader in readers.items():
            selector.register(reader, selectors.EVENT_READ, name)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            for key, _ in selector.select(left):
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fd)
                elif key.data == "control":
                    control += data
                    if _status(control) is not None:
                        deadline = min(deadline, time.monotonic() + POWER_OFF_SECONDS)
                else:
                    _write_all(targets[key.data], data)
        if _status(control) is None and selector.get_map():
            raise TimeoutError
    return control


def _status(control: bytes) -> int | None:
    found = re.search(rb"status (\d+)\s", control)
    return int(found[1]) if found else None


def _write_all(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
