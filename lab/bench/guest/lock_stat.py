# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own account of its locks, as a tool that is turned on and off (CONFIG_LOCK_STAT)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SWITCH = Path("/proc/sys/kernel/lock_stat")
ACCOUNT = Path("/proc/lock_stat")
#: Of a class: con-bounces contentions wait-min -max -total -avg acq-bounces acquisitions hold-...
_COLUMNS = 12
_NUMBERS = re.compile(r"[\d.]+(\s+[\d.]+)*\s*")


@dataclass(frozen=True)
class LockClass:
    """One line: a class, or its readers or writers; times in seconds."""

    name: str
    contentions: int
    wait_seconds: float
    longest_seconds: float
    acquisitions: int


def off() -> None:
    """Where the kernel has it, it counts from its boot on."""
    if SWITCH.exists():
        SWITCH.write_text("0")


@contextmanager
def counting() -> Iterator[None]:
    """From zero; afterwards the account stays as it is."""
    ACCOUNT.write_text("0")
    SWITCH.write_text("1")
    try:
        yield
    finally:
        off()


def classes(text: str) -> Iterator[LockClass]:
    """Of what /proc/lock_stat has, in us (seq_stats in kernel/locking/lockdep_proc.c)."""
    for line in text.splitlines():
        name, _, rest = line.rpartition(":")
        if name and _NUMBERS.fullmatch(rest.strip()):
            numbers = [float(word) for word in rest.split()]
            if len(numbers) == _COLUMNS:
                yield LockClass(
                    name.strip(), int(numbers[1]), numbers[4] / 1e6, numbers[3] / 1e6,
                    int(numbers[7]),
                )  # fmt: skip
