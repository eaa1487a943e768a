# SPDX-License-Identifier: GPL-2.0-or-later
"""The designs of the argument beside each other: python3 -m lab.argument [--topology 4x2].

An exec storm and a fork storm on each kernel, traced in full mode; prints a table in Markdown, the
one of docs/argument.md. Ten minutes, once the kernels are built.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import cache, cli
from lab.errors import LabError
from lab.workloads import build

Json = dict[str, Any]

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

_COLUMNS: Final = (
    "design", "execs/s", "acquisitions per exec", "waits per exec", "wait per exec",
    "behind another node", "imbalance of libc.so.6", "wait per fork",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One design's two reports of `trace`."""

    execs: Json
    forks: Json


def measure(kernel: str, append: str, topology: str) -> Result:
    """Boots it and runs both storms. Raises LabError."""
    nodes, _, cpus = topology.partition("x")
    count = int(nodes) * int(cpus)
    forking = " ".join(
        f"./treeops {task % count} forked fork {_FORKS} &" for task in range(2 * count)
    )
    script = (
        f"{_TRACE} $OUT/execs.json -- {shlex.join(_EXECS)} && "
        "truncate -s 32K forked && sync && "
        f"{_TRACE} $OUT/forks.json -- sh -c {shlex.quote(f'{forking} wait')}"
    )
    with cache.scratch("argument") as folder:
        words = ["--kernel", kernel, "--topology", topology, "--timeout", "900"]
        words += ["--append", append] if append else []
        for name in ("execstorm", "treeops"):
            words += ["--file", str(build.build(name))]
        status = cli.main([*words, "--out", str(folder), "--", "sh", "-c", script])
        if status != 0:
            raise LabError(f"the storms on {kernel} ended with status {status}")
        return Result(
            *(json.loads((folder / f"{one}.json").read_text()) for one in ("execs", "forks"))
        )


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


def row(design: str, result: Result) -> tuple[str, ...]:
    """A line of the table, as text."""
    execs, forks = result.execs["totals"], result.forks["totals"]
    away, uneven = behind_another_node(result.execs), imbalance(result.execs, "libc.so.6")
    return (
        design,
        f"{execs['execs'] / result.execs['duration_seconds']:.0f}",
        f"{execs['acquisitions'] / execs['execs']:.1f}",
        f"{execs['contended'] / execs['execs']:.2f}",
        f"{1e6 * execs['wait_seconds'] / execs['execs']:.0f} us",
        "-" if away is None else f"{100 * away:.0f} %",
        "-" if uneven is None else f"{uneven:.2f}",
        f"{1e6 * forks['wait_seconds'] / forks['forks']:.0f} us",
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Markdown, the first column to the left and the numbers to the right."""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"| --- {'| ---: ' * (len(_COLUMNS) - 1)}|"
    for cells in rows:
        yield f"| {' | '.join(cells)} |"


def main(words: Sequence[str]) -> int:
    """0; 70 if a design could not be measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.argument", description=__doc__)
    parser.add_argument("--topology", default="4x2", metavar="SxC")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the reports, as JSON")
    options = parser.parse_args(words)
    rows = []
    try:
        for design, (kernel, append) in DESIGNS.items():
            print(f"argument: {design}", file=sys.stderr, flush=True)
            result = measure(kernel, append, options.topology)
            rows.append(row(design, result))
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                name = design.replace(", ", "-").replace(":", "")
                for storm, report in (("execs", result.execs), ("forks", result.forks)):
                    (options.keep / f"{name}.{storm}.json").write_text(json.dumps(report))
    except LabError as error:
        print(f"argument: {error}", file=sys.stderr)
        return cli.FAILED
    print("\n".join(table(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
