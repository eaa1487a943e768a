# SPDX-License-Identifier: GPL-2.0-or-later
"""What should it be sharded by? python3 -m lab.sharding [--pictures FOLDER]

An exec storm is recorded in a guest, and a file that is mapped and walked over; then both are
replayed as they were recorded, which has to give back what was recorded, and under each design on
the machines that the thread speaks of, at several rates of walks and prices of a hand-over. Prints
the former, and writes the tables of docs/which-sharding.md into that page; with --pictures also its
plots, which needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import cache, cli, kernels
from lab.errors import LabError
from lab.pages import put
from lab.trial import Trial, immapscope

Json = dict[str, Any]

CHECKOUT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = CHECKOUT / "docs/which-sharding.md"

POLICIES: Final = (
    "single", "tree-only", "node", "node:2", "smallest:32", "hash:32", "cpu", "inverted:cpu",
    "inverted:hash:32",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """One that the thread speaks of."""

    cpus: int
    nodes: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.cpus} CPUs, {self.nodes} nodes"


MACHINES: Final = (Machine(384, 12), Machine(128, 2))
#: Walks as often as recorded, and so many times as often.
WALKS: Final = (0.0, 1.0, 10.0, 100.0)
#: A hand-over to another node at what it cost in the recording, and so many times that.
PRICES: Final = (1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Recordings:
    """`execs`: a storm of execs, in which nobody walks. `walked`: a file that every CPU maps and
    unmaps, while it is truncated.
    """

    execs: Path
    walked: Path


def record(into: Path) -> Recordings:
    """Both on 4 nodes of 2 CPUs of a stock kernel, for 20 s and 10 s. Raises LabError."""
    mappers = " ".join(f"{cpu}:100" for cpu in range(8))
    script = (
        "immapscope record -o $OUT/execs.parquet -- ./execstorm 16 20 /usr/bin/true && "
        "truncate -s 8K hot && immapscope record -o $OUT/walked.parquet -- "
        f"sh -c 'timeout 10 ./paced hot 100 200 {mappers}; true'"
    )
    Trial(kernels.DEFAULT).boot("the storms", script, ["execstorm", "paced"], into)
    return Recordings(into / "execs.parquet", into / "walked.parquet")


def ask(recording: Path, policies: Sequence[str], *options: str) -> Json:
    """What `whatif` says of them. Raises LabError."""
    chosen = [word for policy in policies for word in ("--policy", policy)]
    found: Json = json.loads(immapscope("whatif", recording, "--format", "json", *options, *chosen))
    return found


def ask_scaled(recording: Path, machine: Machine, *options: str) -> Json:
    """Of all policies, on that machine. Raises LabError."""
    scale = ("--scale-cpus", str(machine.cpus), "--scale-nodes", str(machine.nodes))
    return ask(recording, POLICIES, *scale, *options)


def identity_table(answers: Mapping[str, Json]) -> Iterator[str]:
    """Markdown: what each recording waited, beside the model of the design that it is of."""
    yield "| recording | acquisitions | recorded wait | in the model | beside recorded (95 %) |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, answer in answers.items():
        told, single = answer["recorded"], by_policy(answer)["single"]
        cells = (
            name, f"{told['acquisitions']:,}", _time(told["wait_seconds"]),
            _time(single["wait_seconds"]), _beside(single),
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def by_policy(answer: Json) -> dict[str, Json]:
    """The predictions by policy."""
    return {one["policy"]: one for one in answer["predictions"]}


_COLUMNS: Final = (
    "policy", "trees", "wait per exec", "beside single (95 % interval)",
    "hand-overs to another node", "imbalance", "wait per sweep", "most execs/s", "bytes per inode",
)  # fmt: skip


def answer_table(answer: Json) -> Iterator[str]:
    """Markdown: each policy on one machine."""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"| --- {'| ---: ' * (len(_COLUMNS) - 1)}|"
    for one in answer["predictions"]:
        sweep = one["sweep_wait_seconds"] / one["sweeps"] if one["sweeps"] else None
        cells = (
            one["policy"], str(one["trees"]), _time(one["wait_seconds_per_exec"]), _beside(one),
            _percent(one["remote_handovers"]), _number(one["imbalance"]), _time(sweep),
            _number(one["most_execs_per_second"]), f"{one['bytes_per_inode']:,}",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def per_exec(answer: Json, policy: str) -> float | None:
    """Seconds that an exec waited."""
    found: float | None = by_policy(answer)[policy]["wait_seconds_per_exec"]
    return found


def per_acquisition(answer: Json, policy: str) -> float | None:
    """Seconds that an acquisition waited, walks and their locks included."""
    one = by_policy(answer)[policy]
    return one["wait_seconds"] / one["acquisitions"] if one["acquisitions"] else None


def sensitivity(
    answers: dict[float, Json], what: str, wait: Callable[[Json, str], float | None]
) -> Iterator[str]:
    """Markdown: the wait of each policy as one knob is turned."""
    yield f"| policy | {' | '.join(f'{what} x {knob:g}' for knob in answers)} |"
    yield f"| --- {'| ---: ' * len(answers)}|"
    for policy in POLICIES:
        cells = [_time(wait(one, policy)) for one in answers.values()]
        yield f"| {policy} | {' | '.join(cells)} |"


def _beside(one: Json) -> str:
    interval = one["ratio_interval"]
    told = " ({:.3g} to {:.3g})".format(*interval) if interval else ""
    return _number(one["ratio"]) + told


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        # As it is shown: 999.6 us is 1 ms, not 1e+03 us.
        if seconds >= 0.9995 * size:
            return f"{seconds / size:.3g} {unit}"
    return "0" if seconds == 0 else f"{seconds * 1e9:.3g} ns"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def about(recording: Json) -> Iterator[str]:
    """One sentence on what was recorded."""
    told = recording["recorded"]
    yield (
        f"Recorded: {told['acquisitions']:,} acquisitions in {told['duration_seconds']:.1f} s and "
        f"{told['execs']:,} execs on {recording['kernel']['cpus']} CPUs of "
        f"{recording['kernel']['nodes']} nodes, {told['contended']:,} of them contended; "
        f"{told['vmas_of_unknown_shard']:,} of {told['vmas']:,} VMAs are older than the recording."
    )


def draw(folder: Path, walks: dict[Machine, dict[float, Json]]) -> None:
    """A plot for each machine: wait per exec by the rate of walks."""
    from matplotlib import pyplot

    for machine, answers in walks.items():
        figure, axes = pyplot.subplots(figsize=(8, 4.5))
        for policy in POLICIES:
            waits = [per_acquisition(one, policy) or 0.0 for one in answers.values()]
            axes.plot(list(answers), waits, marker="o", label=policy)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_yscale("log")
        axes.set_xlabel("walks over the file, as often as recorded = 1")
        axes.set_ylabel("wait per acquisition, s")
        axes.set_title(f"{machine.name}: a file that all map and one truncates")
        axes.legend(fontsize=8, ncols=2)
        figure.tight_layout()
        figure.savefig(folder / f"sharding-{machine.cpus}.png", dpi=100)
        pyplot.close(figure)


def main(words: Sequence[str]) -> int:
    """0; 70 if something could not be recorded or replayed."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.sharding", description=__doc__)
    parser.add_argument(
        "--recordings", type=Path, nargs=2, metavar="FILE", help="of execs, and with walks"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the recording")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    options = parser.parse_args(words)
    try:
        with cache.scratch("sharding") as scratch:
            found = Recordings(*options.recordings) if options.recordings else None
            found = found or record(options.keep or scratch)
            recordings = {"execs": found.execs, "a file that is walked over": found.walked}
            as_recorded = {name: ask(one, ["single"]) for name, one in recordings.items()}
            identity = list(identity_table(as_recorded))
            print("\n".join(identity))
            page = put(PAGE.read_text(), "identity", identity)
            walks: dict[Machine, dict[float, Json]] = {}
            for machine in MACHINES:
                walks[machine] = {
                    rate: ask_scaled(found.walked, machine, "--walk-rate", str(rate))
                    for rate in WALKS
                }
                prices = {
                    price: ask_scaled(found.execs, machine, "--handoff-price", str(price))
                    for price in PRICES
                }
                name = machine.name
                page = put(page, name, answer_table(prices[1.0]))
                page = put(
                    page, f"{name}: walks", sensitivity(walks[machine], "walks", per_acquisition)
                )
                page = put(page, f"{name}: prices", sensitivity(prices, "price", per_exec))
                page = put(page, "recorded", about(prices[1.0]))
            PAGE.write_text(page)
            if options.pictures:
                draw(options.pictures, walks)
    except LabError as error:
        print(f"sharding: {error}", file=sys.stderr)
        return cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
