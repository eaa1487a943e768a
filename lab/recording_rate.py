# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast does a guest record? python3 -m lab.recording_rate [--kernel NAME] [--count N]

On every CPU a task maps and unmaps a page N times, as fast as it goes: each a file of its own, then
all one file. Either is recorded with the usual ring buffer and with the smallest, whose limit is
soon met. Prints rows a second, bytes a row and what was lost, in Markdown; --write puts that into
docs/recording.md. 1 where rows and loss are not what entered, or not what the tasks did.
tests.recording_rate is of the recorder alone, without a guest.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import cache, cli, kernels
from lab.errors import LabError
from lab.pages import check, circumstances, write
from lab.predict import reported
from lab.trial import Trial

Json = dict[str, Any]

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/recording.md"
_PLACE: Final = "rate"
#: Mappings of each task.
COUNT: Final = 20_000
#: The files whose names begin so are the storm's.
_FILE: Final = "mapped"


@dataclass(frozen=True)
class Storm:
    """`shared`: whether all tasks map one file. `buffer`: of the recording, in MB."""

    shared: bool
    buffer: int

    @property
    def name(self) -> str:
        """For people."""
        return "one file" if self.shared else "a file each"

    @property
    def recording(self) -> str:
        """The file that `record` leaves."""
        return f"rate-{'one' if self.shared else 'each'}-{self.buffer}.parquet"

    def file(self, cpu: int) -> str:
        """What that CPU's task maps."""
        return _FILE if self.shared else f"{_FILE}-{cpu}"


STORMS: Final = tuple(Storm(shared, buffer) for shared in (False, True) for buffer in (32, 1))


@dataclass(frozen=True)
class Recorded:
    """A recording's report and the bytes of its file."""

    report: Json
    size: int

    @property
    def rows(self) -> int:
        """Of acquisitions, trylocks, waits that were interrupted and changes of trees."""
        totals = self.report["totals"]
        locks = totals["acquisitions"] + totals["failed_trylocks"] + totals["interrupted"]
        return int(locks + sum(map(_changes, self.report["shards"])))

    def lost(self, unit: str, upper_bound: bool = False) -> int:
        """Of that unit: what is known to be lost, or what may be at most."""
        return sum(
            one["count"]
            for one in self.report["loss"].values()
            if one["unit"] == unit and one["upper_bound"] is upper_bound
        )


def _changes(shard: Json) -> int:
    return int(shard["inserts"] + shard["inserts_after"] + shard["removes"])


def work(topology: str, count: int) -> str:
    """What the guest's shell does."""
    nodes, _, of_node = topology.partition("x")
    cpus = range(int(nodes) * int(of_node))
    files = sorted({storm.file(cpu) for storm in STORMS for cpu in cpus})
    lines = [f"truncate -s 32K {' '.join(files)}"]
    for storm in STORMS:
        tasks = " ".join(f"./treeops {cpu} {storm.file(cpu)} map {count} &" for cpu in cpus)
        record = f"immapscope record --buffer {storm.buffer} -o $OUT/{storm.recording}"
        lines.append(f"{record} -- sh -c {shlex.quote(f'{tasks} wait')}")
    return " && ".join(lines)


def record(kernel: str, topology: str, count: int, keep: Path) -> dict[Storm, Recorded]:
    """Boots a guest and records each storm. Raises LabError."""
    trial = Trial(kernel, topology, limit_seconds=3000)
    trial.boot("the storms", work(topology, count), ["treeops"], keep)
    files = {storm: keep / storm.recording for storm in STORMS}
    return {storm: Recorded(reported(one), one.stat().st_size) for storm, one in files.items()}


def wrong(recorded: Recorded, count: int) -> Iterator[str]:
    """What does not add up of a storm in which each CPU made `count` mappings."""
    report, totals = recorded.report, recorded.report["totals"]
    finished = {
        "acquisitions": totals["acquisitions"] + totals["failed_trylocks"],
        "waits": totals["contended"] + totals["interrupted"],
    }
    for unit, rows in finished.items():
        entered, in_flight = report["entered"][unit], report["in_flight"][unit]
        accounted = rows + in_flight + recorded.lost(unit)
        if abs(entered - accounted) > recorded.lost(unit, upper_bound=True):
            yield f"{entered:,} {unit} entered, rows, loss and those in flight are {accounted:,}"
    asked = 2 * count * report["kernel"]["cpus"]
    if (entered := report["entered"]["acquisitions"]) < asked:
        yield f"{asked:,} acquisitions were asked for, {entered:,} entered"
    made = sum(_changes(one) for one in report["shards"] if _is_ours(one["inode"]))
    if not made <= asked <= made + recorded.lost("tree_operations"):
        yield f"{asked:,} changes of trees were made, {made:,} have rows and the rest is not lost"


def _is_ours(inode: Json | None) -> bool:
    return inode is not None and (inode["name"] or "").startswith(_FILE)


def table(found: Mapping[Storm, Recorded]) -> Iterator[str]:
    """Markdown: a row for each storm."""
    yield (
        "| storm | buffer | rows | rows/s | bytes a row | lost acquisitions | lost waits | "
        "lost changes of trees | acquisitions entered |"
    )
    yield f"| --- {'| ---: ' * 8}|"
    for storm, one in found.items():
        lost = (one.lost(unit) for unit in ("acquisitions", "waits", "tree_operations"))
        cells = (
            storm.name, f"{storm.buffer} MB", f"{one.rows:,}",
            f"{one.rows / one.report['duration_seconds']:,.0f}",
            f"{one.size / one.rows:.1f}" if one.rows else "-", *(f"{count:,}" for count in lost),
            f"{one.report['entered']['acquisitions']:,}",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def main(words: Sequence[str]) -> int:
    """0; 1 where something does not add up, 70 if it could not be recorded."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.recording_rate", description=__doc__)
    parser.add_argument("--kernel", default=kernels.DEFAULT, metavar="NAME")
    parser.add_argument("--topology", default="4x2", metavar="SxC")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help="of each task")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the recordings")
    parser.add_argument("--write", action="store_true", help="into docs/recording.md")
    options = parser.parse_args(words)
    try:
        if options.write:
            check(PAGE, [_PLACE])
        with cache.scratch("recording-rate") as scratch:
            keep = options.keep or scratch
            keep.mkdir(parents=True, exist_ok=True)
            found = record(options.kernel, options.topology, options.count, keep.absolute())
    except LabError as error:
        print(f"recording_rate: {error}", file=sys.stderr)
        return cli.FAILED
    report = next(iter(found.values())).report
    lines = [f"{options.count:,} mappings on each CPU. {circumstances(report)}", "", *table(found)]
    print("\n".join(lines))
    problems = [
        f"{storm.name}, {storm.buffer} MB: {problem}"
        for storm, one in found.items()
        for problem in wrong(one, options.count)
    ]
    for problem in problems:
        print(f"recording_rate: {problem}", file=sys.stderr)
    if options.write and not problems:
        write(PAGE, {_PLACE: lines})
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
