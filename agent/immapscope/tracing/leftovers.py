# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracefs events of sessions that were killed: only kretprobes with a maxactive leave any.

BCC names them `[pr]_FUNCTION_bcc_PID`; the kernel lists them as `r4096:kprobes/r_FUNCTION_bcc_PID`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_EVENT = re.compile(r"[pr]\d*:(kprobes/[pr]_\w+_bcc_(\d+)) ")


def _process_lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def remove_leftovers(
    lives: Callable[[int], bool] = _process_lives, roots: tuple[Path, ...] = TRACEFS
) -> tuple[str, ...]:
    """Removes the events of processes that no longer live; returns their names.

    An event that is still in use (EBUSY) stays and is not named.
    """
    events = next((root / "kprobe_events" for root in roots if root.is_dir()), None)
    if events is None or not events.is_file():
        return ()
    removed = []
    for name, pid in _EVENT.findall(events.read_text(errors="replace")):
        if not lives(int(pid)) and _remove(events, name):
            removed.append(name)
    return tuple(removed)


def _remove(events: Path, name: str) -> bool:
    # Appending, since opening to write truncates: tracefs takes that for "remove all".
    descriptor = os.open(events, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, f"-:{name}\n".encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
