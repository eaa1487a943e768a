# SPDX-License-Identifier: GPL-2.0-or-later
"""A session that runs for months: read at intervals, slots of idle files given back meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass

from immapscope.daemon.keeper import SCARCE, Keeper
from immapscope.settings import Settings
from immapscope.snapshot import Mode, Snapshot
from immapscope.tracing.assemble import Context
from immapscope.tracing.counting import wait_for_programs
from immapscope.tracing.handover import Handover, Order, take_over
from immapscope.tracing.intervals import Intervals
from immapscope.tracing.pulse import Pulse
from immapscope.tracing.recycling import Recycling
from immapscope.tracing.request import Attach
from immapscope.tracing.syscalls import not_preempted
from immapscope.tracing.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Reading:
    """An interval, how many files have slots after it, and how many programs run.

    0 where changes of trees are measured and none is seen any more, though one was made.
    """

    interval: Snapshot
    tracked: int
    programs: int


class Observer:
    """Compiles and attaches on construction, by a child. Raises CannotTraceError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        order = Order(
            mode=settings.mode,
            attach=Attach(settings.attach),
            tree_operations=settings.tree_operations,
            files=settings.files.tracked,
            waiting=settings.kernel.waiting,
            held=settings.kernel.held,
        )
        self._session: Handover = take_over(order)
        counting = self._session.counting
        self._wanted = Wanted(settings.whos, counting.learn)
        self._intervals = Intervals(counting)
        self._recycling = Recycling(counting, wait_for_programs, self._session.forget)
        self._keeper = Keeper(len(counting.files))
        measured = settings.tree_operations or settings.mode is Mode.FULL
        self._pulse = Pulse(counting) if measured else None

    @property
    def facts(self) -> str:
        """What is traced, for a log line."""
        facts = self._session.facts
        return (
            f"Linux {facts.release}, layout {facts.layout}, attach {facts.attach}, "
            f"{self._settings.mode} mode, {len(self._session.programs)} programs"
        )

    def open(self) -> None:
        """From here on events count."""
        self._session.open()

    @property
    def scarce(self) -> bool:
        """Whether slots run out, so that the next reading should not wait for its time."""
        occupancy = self._recycling.occupancy()
        return occupancy.free < SCARCE * occupancy.room

    def read(self, idle_after: float) -> Reading:
        """What is new. Files that were idle for `idle_after` seconds lose their slots."""
        now = time.monotonic()
        occupancy = self._recycling.occupancy()
        due = self._keeper.due(self._recycling.claimed(), occupancy.room, now, idle_after)
        resting = self._recycling.mark(due) if len(due) else due
        interval = self._intervals.next(self._context())
        self._keeper.note(interval.active, self._recycling.claimed(), now)
        if len(resting):
            with not_preempted():
                rows = self._recycling.free(resting)
            self._intervals.forget(resting, rows)
            self._keeper.forget(resting)
        self._recycling.collect_burned()
        tracked = self._recycling.tracked_files()
        # After the interval, so that a mapping of ours is no part of it.
        run = self._pulse is None or self._pulse.beats()
        return Reading(interval.snapshot, tracked, len(self._session.programs) if run else 0)

    def _context(self) -> Context:
        session, wanted = self._session, self._wanted.now()
        return Context(
            kernel=session.facts,
            mode=self._settings.mode,
            started=session.counting.started,
            duration_ns=0,
            spin_known=session.spin_known,
            tree_operations=self._settings.tree_operations,
            wanted=wanted.matches,
            paths=wanted.paths,
            placement=session.counting.placement,
        )

    def close(self) -> Reading:
        """The last reading; afterwards nothing is left in the kernel."""
        self._session.counting.close()
        last = Reading(self._intervals.next(self._context()).snapshot, 0, 0)
        self._session.close()
        return last

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()
