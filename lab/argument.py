# SPDX-License-Identifier: GPL-2.0-or-later
"""The designs of the argument beside each other: python3 -m lab.argument [--topology 4x2].

An exec storm and a fork storm on each kernel, traced in full mode; prints a table in Markdown for
each storm, with the same columns, and --write puts them into docs/argument.md. Ten minutes, once
the kernels are built.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import cache, cli
from lab.errors import LabError
from lab.pages import circumstances, tell
from lab.trial import Trial

Json = dict[str, Any]

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/argument.md"

#: What it is called: kernel, and what its command line is given.
DESIGNS: Final = {
    "single": ("single", ""),
    "tree-only, node": ("tree-only", "i_mmap_shards=node"),
    "split, node": ("split", "i_mmap_shards=node"),
    "split, node:2": ("split", "i_mmap_shards=node:2"),
    "split, smallest:32": ("split", "i_mmap_shards=smallest:32"),
    "inverted, cpu": ("inverted", "i_mmap_shards=cpu"),
}
_EXECS: Final = ["./execstorm", "16", "20", "/usr/bin/true"]
#: Each of two tasks on each CPU forks so often, with five mappings of one file.
_FORKS: Final = 151
_TRACE: Final = "immapscope trace --mode full --format json --output"


@dataclass(frozen=True)
class Storm:
    """What it does again and again, and the file whose trees are compared."""

    unit: str
    file: str

    @property
    def reported(self) -> str:
        """The file that `trace` leaves."""
        return f"{self.unit}s.json"

    @property
    def columns(self) -> tuple[str, ...]:
        """Of its table."""
        return (
            "design", f"{self.unit}s/s", f"acquisitions per {self.unit}",
            f"waits per {self.unit}", f"wait per {self.unit}", "behind another node",
            f"imbalance of {self.file}",
        )  # fmt: skip


EXECS: Final = Storm("exec", "libc.so.6")
FORKS: Final = Storm("fork", "forked")
STORMS: Final = (EXECS, FORKS)
#: One design's reports of `trace`.
Reports = Mapping[Storm, Json]


def measure(kernel: str, append: str, topology: str) -> Reports:
    """Boots it and runs both storms. Raises LabError."""
    nodes, _, cpus = topology.partition("x")
    count = int(nodes) * int(cpus)
    forking = " ".join(
        f"./treeops {task % count} {FORKS.file} fork {_FORKS} &" for task in range(2 * count)
    )
    script = (
        f"{_TRACE} $OUT/{EXECS.reported} -- {shlex.join(_EXECS)} && "
        f"truncate -s 32K {FORKS.file} && sync && "
        f"{_TRACE} $OUT/{FORKS.reported} -- sh -c {shlex.quote(f'{forking} wait')}"
    )
    with cache.scratch("argument") as folder:
        Trial(kernel, topology, append).boot("the storms", script, ["execstorm", "treeops"], folder)
        return {storm: json.loads((folder / storm.reported).read_text()) for storm in STORMS}


def behind_another_node(report: Json) -> float | None:
    """Of the waits that began behind a writer, the share whose writer was on another node."""
    behind = [row for row in report["rows"] if row["holder_kind"] == "writer"]
    waits = sum(row["contended"] for row in behind)
    away = sum(row["contended"] for row in behind if row["holder_node"] != row["node"])
    return away / waits if waits else None


def imbalance(report: Json, name: str) -> float | None:
    """Of a file's trees: the most changes of one over the mean of all."""
    changes = [
        one["inserts"] + one["inserts_after"] + one["removes"]
        for one in report["shards"]
        if one["inode"] and one["inode"]["name"] == name and one["shard"] is not None
    ]
    trees = report["kernel"]["shards"]
    return max(changes) * trees / sum(changes) if sum(changes) else None


def row(design: str, storm: Storm, report: Json) -> tuple[str, ...]:
    """A line of the storm's table, as text."""
    totals = report["totals"]
    done = totals[f"{storm.unit}s"]
    away, uneven = behind_another_node(report), imbalance(report, storm.file)
    return (
        design,
        f"{done / report['duration_seconds']:.0f}",
        _each("{:.1f}", totals["acquisitions"], done),
        _each("{:.2f}", totals["contended"], done),
        _each("{:.0f} us", 1e6 * totals["wait_seconds"], done),
        "-" if away is None else f"{100 * away:.0f} %",
        "-" if uneven is None else f"{uneven:.2f}",
    )


def _each(text: str, amount: float, count: int) -> str:
    return text.format(amount / count) if count else "-"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Markdown, the first column to the left and the numbers to the right."""
    yield f"| {' | '.join(columns)} |"
    yield f"| --- {'| ---: ' * (len(columns) - 1)}|"
    for cells in rows:
        yield f"| {' | '.join(cells)} |"


def parts(measured: Mapping[str, Reports]) -> dict[str, list[str]]:
    """What the page has of these designs, each part by the name of its place there."""
    (first, *_) = measured.values()
    found = {"measured": [circumstances(first[EXECS])]}
    for storm in STORMS:
        rows = [row(design, storm, reports[storm]) for design, reports in measured.items()]
        found[f"{storm.unit} storm"] = list(table(storm.columns, rows))
    return found


def main(words: Sequence[str]) -> int:
    """0; 70 if a design could not be measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.argument", description=__doc__)
    parser.add_argument("--topology", default="4x2", metavar="SxC")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the reports, as JSON")
    parser.add_argument("--write", action="store_true", help="into docs/argument.md")
    options = parser.parse_args(words)
    measured: dict[str, Reports] = {}
    try:
        for design, (kernel, append) in DESIGNS.items():
            print(f"argument: {design}", file=sys.stderr, flush=True)
            measured[design] = measure(kernel, append, options.topology)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                name = design.replace(", ", "-").replace(":", "")
                for storm, report in measured[design].items():
                    (options.keep / f"{name}.{storm.reported}").write_text(json.dumps(report))
        tell(PAGE, parts(measured), into_page=options.write)
    except LabError as error:
        print(f"argument: {error}", file=sys.stderr)
        return cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
