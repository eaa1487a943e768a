# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracefs events of sessions that were killed: only kretprobes with a maxactive leave any.

They are those on the two slow paths (`programs.SLEEPING_INSTANCES`). BCC names them
`r_FUNCTION_bcc_PID`; the kernel lists them as `r4096:kprobes/r_FUNCTION_bcc_PID FUNCTION`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
#: Of our own functions only: what another program of BCC's leaves is not ours to remove.
_EVENT = re.compile(
    r"^r\d*:(kprobes/r_rwsem_down_(?:read|write)_slowpath_bcc_(\d+)) ", re.MULTILINE
)


def _process_lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def remove_leftovers(
    lives: Callable[[int], bool] = _process_lives, roots: tuple[Path, ...] = TRACEFS
) -> tuple[str, ...]:
    """Removes the events of processes that no longer live; returns their names.

    An event that is still in use (EBUSY) stays and is not named. Raises nothing: where tracefs
    cannot be read nothing can have been left in it by us.
    """
    for root in roots:
        events = root / "kprobe_events"
        try:
            listed = events.read_text(errors="replace")
        except OSError:
            continue
        dead = [name for name, pid in _EVENT.findall(listed) if not lives(int(pid))]
        return tuple(name for name in dead if _remove(events, name))
    return ()


def _remove(events: Path, name: str) -> bool:
    # Appending, since opening to write truncates: tracefs takes that for "remove all".
    try:
        descriptor = os.open(events, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return False
    try:
        os.write(descriptor, f"-:{name}\n".encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
