# SPDX-License-Identifier: GPL-2.0-or-later
"""Chains: a task, then the child that it waits for, then the task again.

In an exec storm a task lives for one exec, so what takes turns with itself is its parent and the
children one after the other. A child that had ended before its parent did anything more was waited
for: its acquisitions are part of the parent's chain. Any other child begins a chain of its own,
after the acquisition that its parent had finished last when it forked.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immapscope.whatif.compiled import Records, compiled, inlined, signed
from immapscope.whatif.trace import SPAWNS

#: PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h).
MOST_TASKS: Final = 1 << 22

#: How a task's chain hangs together with its parent's.
_ITS_OWN, _PENDING, _PARALLEL = 0, 1, 2

#: By thread id, as of its last use. `head`, `tail`: the first and last event of its chain and 1,
#: children that were waited for among them; `released`: the last one's release. `last`: when it did
#: anything; `ended`: its exit, 0 before. `origin`: its parent's last event at the fork and 1;
#: `origin_released`: that one's release. `pending`: its child that may yet have been waited for.
#: `first`, `listed`: its changes of trees whose acquisition has not come yet, the last one first.
_TASK: Final = np.dtype(
    [
        ("released", "i8"), ("last", "i8"), ("ended", "i8"), ("origin_released", "i8"),
        ("head", "i8"), ("tail", "i8"), ("origin", "i8"), ("pending", "i4"), ("parent", "i4"),
        ("first", "i4"), ("listed", "i4"), ("link", "i8"),
    ]
)  # fmt: skip


class Lives(NamedTuple):
    """Tasks, and the beginnings of chains found so far.

    `counts`: of heads, of `spawned`, and the highest thread id.
    """

    tasks: Records
    head: NDArray[np.uint32]
    start: NDArray[np.float64]
    origin: NDArray[np.uint32]
    spawned: NDArray[np.uint32]
    counts: NDArray[np.int64]


HEADS, SPAWNED, HIGHEST = 0, 1, 2


def lives(events: int, forks: int) -> Lives:
    """Of nobody yet; memory is taken as it is used."""
    return Lives(
        np.zeros(MOST_TASKS, _TASK), np.empty(events, np.uint32), np.empty(events),
        np.empty(2 * forks, np.uint32), np.empty(2 * forks, np.uint32), np.zeros(3, np.int64),
    )  # fmt: skip


@inlined
def _begins(lives: Lives, events: Records, origin: int, event: int) -> None:
    """That event begins a chain when the other (and 1) is over."""
    events[origin - 1].kind |= SPAWNS
    at = lives.counts[SPAWNED]
    lives.origin[at] = origin - 1
    lives.spawned[at] = event - 1
    lives.counts[SPAWNED] += 1


@compiled
def resolve(lives: Lives, events: Records, task: int, now: int) -> None:
    """The task does something: its last child was waited for if it has ended, else it is not."""
    parent = lives.tasks[task]
    number = parent.pending
    if not number:
        return
    parent.pending = 0
    child = lives.tasks[number]
    if not child.ended or child.ended > now or child.last > now:
        child.link = _PARALLEL
        if child.head and child.origin:
            _begins(lives, events, child.origin, child.head)
        return
    child.link = _ITS_OWN
    if not child.head:
        return
    if parent.tail:
        events[parent.tail - 1].following = child.head - 1
    else:
        parent.head = child.head
        if parent.link == _PARALLEL and parent.origin:
            _begins(lives, events, parent.origin, parent.head)
    parent.tail = child.tail
    parent.released = child.released


@compiled
def forked(lives: Lives, events: Records, task: int, number: int, now: int) -> None:
    """The task made a child of that number."""
    resolve(lives, events, task, now)
    lives.counts[HIGHEST] = max(lives.counts[HIGHEST], task, number)
    child = lives.tasks[number]
    if lives.tasks[child.parent].pending == number:
        # The number is used again: the one before it has been reaped.
        resolve(lives, events, child.parent, now)
    parent = lives.tasks[task]
    parent.last = now
    parent.pending = number
    child.link = _PENDING
    child.parent = task
    child.head = child.tail = child.pending = 0
    child.ended = 0
    child.last = now
    if parent.tail:
        child.origin = parent.tail
        child.origin_released = parent.released
    else:
        child.origin = parent.origin
        child.origin_released = parent.origin_released


@compiled
def exited(lives: Lives, events: Records, task: int, now: int) -> None:
    """The task ended."""
    resolve(lives, events, task, now)
    lives.tasks[task].ended = now
    lives.tasks[task].last = now


@inlined
def linked(lives: Lives, events: Records, event: int, task: int, asked: int, released: int) -> int:
    """Appends the event to the task's chain; when the release before it there was, -1 for none."""
    resolve(lives, events, task, asked)
    one = lives.tasks[task]
    before: int = one.released
    if one.tail:
        events[one.tail - 1].following = event
    else:
        one.head = event + 1
        if one.origin:
            before = one.origin_released
            if one.link == _PARALLEL:
                _begins(lives, events, one.origin, event + 1)
        else:
            before = -1
            lives.head[lives.counts[HEADS]] = event
            lives.start[lives.counts[HEADS]] = asked
            lives.counts[HEADS] += 1
    one.tail = event + 1
    one.released = released
    one.last = released
    return before


@compiled
def finish(lives: Lives, events: Records) -> None:
    """Nobody does anything more."""
    for task in range(lives.counts[HIGHEST] + 1):
        resolve(lives, events, task, signed(1) << 62)
