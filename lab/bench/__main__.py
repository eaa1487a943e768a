# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab.bench [--quick]: what tracing costs, beside every other tool.

Two guests: one CPU whose clock counts instructions, for the cost of an event; and 4 nodes of 2
CPUs for a contended storm, in pairs of runs. Prints tables in Markdown, those of docs/cost.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab import cache, cli, kernels
from lab.bench import results, tools
from lab.bench.results import Contender
from lab.errors import LabError
from lab.workloads import build

GUEST: Final = Path(__file__).parent / "guest"
#: Added instructions over those of empty programs, as last measured; see `--quick`.
COMMITTED: Final = Path(__file__).with_name("committed.json")
_MAY_GROW: Final = 1.10

OURS: Final = tuple(
    kind
    for mode in ("contention-without-trees", "contention", "full")
    for kind in (f"{mode}-empty", mode)
)
OTHERS: Final = ("bpftrace-waits", "bpftrace-acquisitions", "perf", "klockstat")
COUNTED: Final = {"exec": 300, "fork": 300, "mmap": 3000}
STORM: Final = {"exec": 60}
_TASKS: Final = 16


def measure(
    kernel: str, names: Sequence[str], counts: Mapping[str, int], rounds: int, *, counted: bool
) -> list[Any]:
    """Boots a guest and has it measured there. Raises LabError."""
    works = [
        f"{work}:{count}" + ("" if counted else f":{_TASKS}") for work, count in counts.items()
    ]
    words = ["--kernel", kernel, "--timeout", "3000"]
    words += ["--icount", "--topology", "1x1"] if counted else ["--topology", "4x2"]
    files = [GUEST / "measure.py", GUEST / "observe.py", build.build("fixedwork")]
    files += [tools.find()] if set(names) & set(OTHERS) else []
    for file in files:
        words += ["--file", str(file)]
    with cache.scratch("bench") as folder:
        command = ["python3", "measure.py", str(rounds), *works, "--", *names]
        status = cli.main([*words, "--out", str(folder), "--", *command])
        if status != 0:
            raise LabError(f"the guest that measures ended with status {status}")
        measured: list[Any] = json.loads((folder / "measured.json").read_text())
        return measured


def table(found: Sequence[Contender], works: Sequence[str], unit: str) -> Iterator[str]:
    """Markdown: a ratio for each work, added `unit` for each exec, and what the tool told."""
    head = ["under", *works, f"added {unit} per exec", "ready after", "kernel memory", "resident"]
    yield f"| {' | '.join(head)} |"
    yield f"| --- {'| ---: ' * (len(head) - 1)}|"
    for one in found:
        if one.failed:
            yield f"| {one.name} | {one.failed.splitlines()[-1][:60]} {'| ' * (len(head) - 2)}|"
            continue
        cells = [one.name, *(str(one.ratios[work]) for work in works)]
        cells.append(f"{one.added['exec']:,.0f}")
        for key, text in (
            ("attached_seconds", "{:.1f} s"),
            ("kernel_bytes", "{:,.0f}"),
            ("resident_bytes", "{:,.0f}"),
        ):
            cells.append(text.format(one.told[key]) if key in one.told else "-")
        yield f"| {' | '.join(cells)} |"


def whole(kernel: str, keep: Path | None) -> int:
    """Every tool in both guests."""
    counted = measure(kernel, (*OURS, *OTHERS), COUNTED, 3, counted=True)
    storm = measure(kernel, (*OURS[1::2], *OTHERS), STORM, 9, counted=False)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "counted.json").write_text(json.dumps(counted))
        (keep / "storm.json").write_text(json.dumps(storm))
    found = results.contenders(counted, COUNTED)
    print("\n".join(table(found, tuple(COUNTED), "instructions")), end="\n\n")
    for name, times in results.above_empty(found, "exec").items():
        print(f"{name}: {times:.2f} times what empty programs at the same places add")
    print()
    print("\n".join(table(results.contenders(storm, STORM), tuple(STORM), "ns")))
    return 0


def quick(kernel: str, commit: bool) -> int:
    """1 where a session's instructions grew, by the measure that other machines have too."""
    found = results.contenders(measure(kernel, OURS, COUNTED, 1, counted=True), COUNTED)
    now = results.above_empty(found, "exec")
    if commit:
        COMMITTED.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n")
        return 0
    before = json.loads(COMMITTED.read_text())
    grown = [
        f"{name}: {now.get(name, float('nan')):.2f} times what empty programs add, was {was:.2f}"
        for name, was in before.items()
        if not now.get(name, float("inf")) <= was * _MAY_GROW
    ]
    print("\n".join(table(found, tuple(COUNTED), "instructions")))
    for line in grown:
        print(f"bench: grown: {line}", file=sys.stderr)
    print(f"{len(before) - len(grown)} passed, {len(grown)} failed")
    return 1 if grown else 0


def main(words: Sequence[str]) -> int:
    """0; 1 where --quick finds that it grew; 70 if it could not be measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.bench", description=__doc__)
    parser.add_argument("--kernel", default=kernels.DEFAULT, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="only ours, against committed.json")
    parser.add_argument("--commit", action="store_true", help="with --quick: write that file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for every figure, as JSON")
    options = parser.parse_args(words)
    try:
        if options.quick:
            return quick(options.kernel, options.commit)
        return whole(options.kernel, options.keep)
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return cli.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
