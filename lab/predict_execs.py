# SPDX-License-Identifier: GPL-2.0-or-later
"""How wrong is whatif where CPUs are lacking? python3 -m lab.predict_execs [--topology 4x2]

An exec storm that computes all the time, as many execs on each design: recorded on `single`,
predicted for each design from that, then recorded on each, so that the observer takes as much
everywhere. A guest has fewer real cores than CPUs, so who holds a lock may not be running: the less
the tasks wait, the more of them want a core and the longer a hold takes, where the model keeps
holds as recorded. The table has what locks were held for each exec, to see how much of the error
that is. Prints it in Markdown, and --write puts it into docs/whatif.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.pages import circumstances
from lab.predict import DESIGNS, Json, command, predicted, reported
from lab.trial import WARM, Trial

WORKERS: Final = 16
#: Of each worker.
EXECS: Final = 100
_STORM: Final = f"./execstorm {WORKERS} {EXECS}x /usr/bin/true"


@dataclass(frozen=True)
class Measured:
    """Of all files, waits in ns; `held_ns`: of the locks of trees, without one over all of them."""

    wait_ns: float
    held_ns: float
    execs: int
    seconds: float

    @property
    def wait_ms(self) -> float:
        """Of an exec."""
        return self.wait_ns / 1e6 / self.execs

    @property
    def held_ms(self) -> float:
        """For an exec."""
        return self.held_ns / 1e6 / self.execs


def measured(report: Json) -> Measured:
    """From JSON of `report`. Raises LabError where not all of the storm's execs are in it."""
    totals = report["totals"]
    if totals["execs"] < WORKERS * EXECS:
        raise LabError(f"of {WORKERS * EXECS} execs only {totals['execs']} were recorded")
    held = sum(row["hold_seconds"] for row in report["rows"] if row["shard"] is not None)
    return Measured(
        1e9 * totals["wait_seconds"], 1e9 * held, totals["execs"], report["duration_seconds"]
    )


def table(recorded: Measured, found: Mapping[str, tuple[Json, Measured]]) -> Iterator[str]:
    """Markdown: ms of waiting and of holding for each exec, and how fast the execs were done."""
    yield "| policy | predicted wait per exec | measured | error | held per exec | execs/s |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for policy, (prediction, seen) in found.items():
        guess = 1e3 * prediction["wait_seconds"] / recorded.execs
        low, high = (1e3 * one / recorded.execs for one in prediction["wait_seconds_interval"])
        error = f"{100 * (guess / seen.wait_ms - 1):+.0f} %" if seen.wait_ns else "-"
        yield (
            f"| {policy} | {guess:.3g} ms ({low:.3g}-{high:.3g}) | {seen.wait_ms:.3g} ms | {error} "
            f"| {seen.held_ms:.3g} ms | {seen.execs / seen.seconds:.0f} |"
        )


def recording_of(policy: str, keep: Path) -> Path:
    """Where the storm on that design is kept."""
    return keep / f"execs-{policy.replace(':', '-')}.parquet"


def record(policy: str, kernel: str, append: str, topology: str, keep: Path) -> None:
    """Boots it and records the storm. Raises LabError."""
    file = recording_of(policy, keep).name
    script = f"{WARM} && immapscope record -o $OUT/{file} -- {_STORM}"
    Trial(kernel, topology, append).boot("the exec storm", script, ["execstorm"], keep)


def compare(topology: str, keep: Path, kept: bool) -> Iterator[str]:
    """Records, predicts, records; the lines of the page's part. Raises LabError."""
    recording = recording_of("single", keep)
    if not kept:
        record("single", "single", "", topology, keep)
    report = reported(recording)
    recorded = measured(report)
    yield f"{WORKERS} workers, {EXECS} execs each. {circumstances(report)}"
    yield ""
    guesses = predicted(recording, ["single", *DESIGNS])
    found = {"single": (guesses["single"], recorded)}
    for policy, (kernel, append) in DESIGNS.items():
        if not kept:
            record(policy, kernel, append, topology, keep)
        seen = measured(reported(recording_of(policy, keep)))
        found[policy] = (guesses[policy], seen)
    yield from table(recorded, found)


if __name__ == "__main__":
    sys.exit(command("predict_execs", __doc__, compare, sys.argv[1:]))
