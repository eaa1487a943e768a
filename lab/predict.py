# SPDX-License-Identifier: GPL-2.0-or-later
"""Is whatif right? python3 -m lab.predict [--topology 4x2]: predicted beside measured.

The same work on each design, one task a CPU, whose holds and thinks are sleeps: an emulated guest
with two real cores has them as long as they were asked to be, however many there are. Recorded on
`single`, predicted for each design from that, then measured on each, twice, since who meets whom is
chance. Prints a table in Markdown, and --write puts it into docs/whatif.md. lab.predict_execs is of
work that computes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import cache, cli
from lab.errors import LabError
from lab.pages import check, circumstances, write
from lab.trial import Trial, immapscope

Json = dict[str, Any]
#: Measures on that topology, leaving recordings and reports in the folder, or takes those that are
#: there, and predicts: lines.
Compare = Callable[[str, Path, bool], Iterator[str]]

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/whatif.md"

#: What whatif calls it: kernel, and what its command line is given.
DESIGNS: Final = {
    "node": ("split", "i_mmap_shards=node"),
    "node:2": ("split", "i_mmap_shards=node:2"),
    "smallest:32": ("split", "i_mmap_shards=smallest:32"),
    "cpu": ("split", "i_mmap_shards=cpu"),
    "inverted:cpu": ("inverted", "i_mmap_shards=cpu"),
}
#: Of each task; us that it thinks on average; us of each hold; truncations beside.
COUNT: Final = 400
THINK_US: Final = 75_000
HOLD_US: Final = 20_000
WALKS: Final = 800
#: Of each design but the recorded one, with thinks of their own.
RUNS: Final = 2
#: Holds that were longer than asked by more than this part: the guest lacked a core, not a lock.
#: Such a run is made again, whatever was waited in it, so many times.
LONGER: Final = 0.02
AGAIN: Final = 3
_FILE: Final = "hot"
_HOLD: Final = "/sys/module/interval_tree/parameters"


@dataclass(frozen=True)
class Measured:
    """ns of waiting on the file in all, changes of its trees, and ns that their locks were held."""

    wait_ns: float
    changes: int
    held_ns: float

    @property
    def ms_per_change(self) -> float:
        """Milliseconds that a change of a tree cost in waiting."""
        return self.wait_ns / 1e6 / self.changes

    @property
    def is_disturbed(self) -> bool:
        """Whether holds were longer than they were asked to be."""
        return self.held_ns / self.changes > 1e3 * HOLD_US * (1 + LONGER)


def work(topology: str, observers: Mapping[int, str]) -> str:
    """What a guest's shell does: as much each time, under each of the commands that observe.

    They are by the number that the thinks of that run come from.
    """
    nodes, _, cpus = topology.partition("x")
    tasks = " ".join(map(str, range(int(nodes) * int(cpus))))
    storm = f"./sleepers {_FILE} {COUNT} {THINK_US} {WALKS} {tasks}"
    runs = [f"SEED={seed} {observer} -- {storm}" for seed, observer in observers.items()]
    return (
        f"truncate -s 8K {_FILE} && printf sleepers > {_HOLD}/hold_comm && "
        f"echo {HOLD_US} > {_HOLD}/hold_us && {' && '.join(runs)}"
    )


def run(kernel: str, append: str, topology: str, observers: Mapping[int, str], into: Path) -> None:
    """Boots it and runs the work under each observer, whose $OUT comes to `into`; LabError."""
    trial = Trial(kernel, topology, append, limit_seconds=1500)
    trial.boot("the sleepers", work(topology, observers), ["sleepers"], into)


def measure(kernel: str, append: str, topology: str, files: Mapping[int, Path]) -> None:
    """Fills the files, by number, with reports of runs that nothing disturbed. Raises LabError."""
    left = dict(files)
    for _ in range(AGAIN):
        trace = "immapscope trace --format json --output $OUT"
        observers = {number: f"{trace}/{file.name}" for number, file in left.items()}
        run(kernel, append, topology, observers, next(iter(files.values())).parent)
        left = {number: file for number, file in left.items() if _read(file).is_disturbed}
        if not left:
            return
    raise LabError(
        f"in {AGAIN} runs on {kernel} holds were longer than {HOLD_US / 1e3:g} ms by more than "
        f"{LONGER:.0%}: something else runs on this machine"
    )


def _read(file: Path) -> Measured:
    return measured(json.loads(file.read_text()))


def measured(report: Json) -> Measured:
    """Of the file, from JSON of `trace` or `report`."""

    def ours(one: Json) -> bool:
        return bool(one["inode"] and one["inode"]["name"] == _FILE)

    rows = [row for row in report["rows"] if ours(row)]
    wait = sum(row["wait_seconds"] for row in rows)
    of_trees = [row for row in rows if row["operation"] != "walk" and row["shard"] is not None]
    held = sum(row["hold_seconds"] or 0 for row in of_trees)
    changes = sum(
        one["inserts"] + one["inserts_after"] + one["removes"]
        for one in report["shards"]
        if ours(one)
    )
    return Measured(1e9 * wait, changes, 1e9 * held)


def predicted(recording: Path, policies: Sequence[str]) -> dict[str, Json]:
    """By policy, as `whatif --format json` has it. Raises LabError."""
    options = [word for policy in policies for word in ("--policy", policy)]
    told = json.loads(immapscope("whatif", recording, "--format", "json", *options))
    return {one["policy"]: one for one in told["predictions"]}


def table(
    recorded: Measured, found: Mapping[str, tuple[Json, Sequence[Measured]]]
) -> Iterator[str]:
    """Markdown: ms of waiting for a change, predicted and measured, on average and in each run."""
    yield "| policy | predicted | measured | runs | error |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for policy, (prediction, seen) in found.items():
        guess = 1e3 * prediction["wait_seconds"] / recorded.changes
        low, high = (1e3 * one / recorded.changes for one in prediction["wait_seconds_interval"])
        each = [one.ms_per_change for one in seen]
        mean = sum(each) / len(each)
        yield (
            f"| {policy} | {guess:.2f} ms ({low:.2f}-{high:.2f}) | {mean:.2f} ms | "
            f"{', '.join(f'{one:.2f}' for one in each)} | {100 * (guess / mean - 1):+.0f} % |"
        )


def reported(recording: Path) -> Json:
    """What the recording's own kernel waited. Raises LabError."""
    report: Json = json.loads(immapscope("report", recording, "--format", "json"))
    return report


def compare(topology: str, keep: Path, kept: bool) -> Iterator[str]:
    """Records, predicts, measures; the lines of the page's part. Raises LabError."""
    recording = keep / "single.parquet"
    if not kept:
        run("single", "", topology, {0: "immapscope record -o $OUT/single.parquet"}, keep)
    report = reported(recording)
    recorded = measured(report)
    yield circumstances(report)
    yield ""
    guesses = predicted(recording, ["single", *DESIGNS])
    found = {"single": (guesses["single"], [recorded])}
    for policy, (kernel, append) in DESIGNS.items():
        name = policy.replace(":", "-")
        files = {number: keep / f"{name}-{number}.json" for number in range(1, RUNS + 1)}
        if not kept:
            measure(kernel, append, topology, files)
        seen = [_read(file) for file in files.values()]
        found[policy] = (guesses[policy], seen)
    yield from table(recorded, found)


def command(name: str, about: str | None, compare: Compare, words: Sequence[str]) -> int:
    """A command that prints what `compare` says, and with --write puts it into docs/whatif.md.

    The page's place is called by its name and the topology. 0; 70 if something could not be
    measured or predicted.
    """
    parser = argparse.ArgumentParser(prog=f"python3 -m lab.{name}", description=about)
    parser.add_argument("--topology", default="4x2", metavar="SxC")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for recordings and reports")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="what was kept")
    parser.add_argument("--write", action="store_true", help="into docs/whatif.md")
    options = parser.parse_args(words)
    part = f"{name}, {options.topology}"
    try:
        if options.write:
            check(PAGE, [part])
        with cache.scratch(name) as scratch:
            keep = options.kept or options.keep or scratch
            if not options.kept:
                keep.mkdir(parents=True, exist_ok=True)
            lines = list(compare(options.topology, keep.absolute(), bool(options.kept)))
        print("\n".join(lines))
        if options.write:
            write(PAGE, {part: lines})
    except LabError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(command("predict", __doc__, compare, sys.argv[1:]))
