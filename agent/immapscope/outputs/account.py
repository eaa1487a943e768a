# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands above the answers: what was recorded, what of it is missing, what is assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from immapscope.outputs.printable import printable
from immapscope.outputs.prose import Line, Tone
from immapscope.outputs.units import duration, percent, plural, rate
from immapscope.recording.header import Header
from immapscope.whatif.machine import Machine
from immapscope.whatif.predict import Knobs
from immapscope.whatif.trace import Trace

_ASSUMED: Final = (
    "assumed: thinks between acquisitions and holds last as recorded, whatever the design; who "
    "waits spins, then sleeps and has to wake, and who asks meanwhile has the lock; who thinks, "
    "holds or spins wants a CPU"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Of one run of `whatif`."""

    header: Header
    trace: Trace
    machine: Machine
    knobs: Knobs
    truncated: bool

    @property
    def waited_ns(self) -> float:
        """As recorded."""
        return float(self.trace.waits.sum())

    @property
    def lost(self) -> dict[str, int]:
        """What the recording has not, by what it is; 0 where there is none."""
        slots = self.header.slots.values()
        return {
            "acquisitions and changes that the ring buffer had no room for": sum(
                sum(slot.refused.values()) for slot in slots
            ),
            "events that could not be attributed": sum(sum(slot.lost.values()) for slot in slots),
            "changes of trees without their acquisition": self.trace.orphans,
            "acquisitions of files without a name": self.trace.nameless,
            "holds that are not known, and got the mean": self.trace.unknown_holds,
        }

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        trace, kernel = self.trace, self.header.kernel
        return {
            "kernel": {"release": kernel.release, "nodes": kernel.nodes, "cpus": kernel.cpus},
            "recorded": {
                "duration_seconds": trace.duration_ns / 1e9,
                "acquisitions": trace.acquisitions,
                "contended": trace.contended,
                "wait_seconds": self.waited_ns / 1e9,
                "chains": trace.chains,
                "execs": trace.execs,
                "vmas": trace.vmas,
                "vmas_of_unknown_shard": trace.drawn,
                "complete": not self.truncated,
                "lost": {what: count for what, count in self.lost.items() if count},
                "handoff_seconds": _median(trace.gaps.same),
                "remote_handoff_seconds": _median(trace.gaps.remote),
                "spin_handoff_seconds": _median(trace.spin_gaps.same),
                "remote_spin_handoff_seconds": _median(trace.spin_gaps.remote),
                "spin_seconds": _median(trace.spins),
                "customers_where_cpus_were_lacking": trace.load,
            },
            "machine": {
                "cpus": self.machine.cpus,
                "nodes": self.machine.nodes,
                "copies": self.machine.copies,
            },
            "walk_rate": self.knobs.walk_rate,
            "handoff_price": self.knobs.handoff_price,
            "seed": self.knobs.seed,
        }


def account(told: Account) -> Iterator[Line]:
    """As lines for people."""
    kernel, trace = told.header.kernel, told.trace
    yield Line(
        f"i_mmap locks of Linux {printable(kernel.release)}, replayed under other designs",
        Tone.TITLE,
    )
    yield Line(
        f"recorded: {plural(trace.acquisitions, 'acquisition')} in {plural(trace.chains, 'chain')} "
        f"on {plural(kernel.cpus, 'CPU')}, {plural(kernel.nodes, 'node')}, in "
        f"{duration(trace.duration_ns)}; {trace.contended:,} waited, "
        f"{duration(told.waited_ns)} in all; {plural(trace.execs, 'exec')}"
    )
    if trace.vmas:
        yield Line(
            f"{percent(trace.drawn, trace.vmas)} % of {trace.vmas:,} VMAs are older than the "
            "recording: their trees are drawn, as the policy would have chosen on some CPU",
            Tone.WARNING if trace.drawn else Tone.ASIDE,
        )
    yield from _losses(told)
    yield from _assumptions(told)


def _losses(told: Account) -> Iterator[Line]:
    lost = {what: count for what, count in told.lost.items() if count}
    if told.truncated:
        yield Line("lost: the end of the recording, which was not closed", Tone.WARNING)
    for what, count in lost.items():
        yield Line(f"lost: {count:,} {what}", Tone.WARNING)
    if not lost and not told.truncated:
        yield Line("lost: nothing", Tone.ASIDE)


def _assumptions(told: Account) -> Iterator[Line]:
    trace, machine = told.trace, told.machine
    yield Line(_ASSUMED, Tone.ASIDE)
    seen = [
        f"who {waits} is there {_told(_median(gaps.same))} after a release on the same node and "
        f"{_told(_median(gaps.remote))} after one on another"
        for waits, gaps in (("sleeps", trace.gaps), ("spins", trace.spin_gaps))
        if gaps.same is not None or gaps.remote is not None
    ]
    if seen:
        spins = "" if trace.spins is None else f"; a writer spins {_how_long(trace.spins)}"
        yield Line(f"{', '.join(seen)}{spins} (medians of what is drawn from)", Tone.ASIDE)
    else:
        yield Line("who waits has a lock in no time: nobody was seen to wait", Tone.ASIDE)
    if trace.load is not None:
        yield Line(
            f"where more than {plural(len(trace.node_of_cpu), 'CPU')} were wanted, by "
            f"{rate(trace.load)} tasks on average, all are taken to have been slowed down alike",
            Tone.ASIDE,
        )
    if not machine.is_recorded(trace.node_of_cpu):
        copies = (
            f", {machine.copies} times the recorded chains, each copy on as many CPUs as were "
            "recorded, mapping the same files"
        )
        yield Line(
            f"scaled: {plural(machine.cpus, 'CPU')} on {plural(machine.nodes, 'node')}"
            f"{copies if machine.copies > 1 else ''}; thinks and holds are taken to last as long "
            "there",
            Tone.WARNING,
        )
    if told.knobs.walk_rate != 1:
        yield Line(f"each walk is done {rate(told.knobs.walk_rate)} times", Tone.WARNING)
    if told.knobs.handoff_price != 1:
        price = rate(told.knobs.handoff_price)
        yield Line(f"a hand-over to another node takes {price} times as long", Tone.WARNING)


def _median(gaps: NDArray[np.float64] | None) -> float | None:
    """In seconds; None where half of them never end."""
    if gaps is None:
        return None
    median = float(np.median(gaps))
    return median / 1e9 if np.isfinite(median) else None


def _how_long(spins: NDArray[np.float64]) -> str:
    seconds = _median(spins)
    return "until it has it" if seconds is None else f"for {_told(seconds)}"


def _told(seconds: float | None) -> str:
    return "a time that was not seen" if seconds is None else duration(seconds * 1e9)
