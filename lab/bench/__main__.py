# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab.bench [--quick [MODE...]]: what tracing costs, beside every other tool.

Four guests: two of one CPU whose clock counts instructions, for the cost of an exec and of an
event; and two of 4 nodes of 2 CPUs, for a contended storm in pairs of runs, and for what each tool
says of work whose truth is known. Prints tables in Markdown; --write puts them into docs/cost.md
and docs/accuracy.md, --pictures draws them, which needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab import cli, kernels
from lab.bench import accuracy, events, results, tables, tools
from lab.bench.guests import compare, measure
from lab.errors import LabError
from lab.pages import put

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGES: Final = (_DOCS / "cost.md", _DOCS / "accuracy.md")
#: Added instructions over those of empty programs, as last measured; see `--quick`.
COMMITTED: Final = Path(__file__).with_name("committed.json")
_MAY_GROW: Final = 1.10
#: Of the one that is at no place which an uncontended lock passes: bare runs differ by less.
_FREE: Final = "contention-without-trees"
_FREE_RATIO: Final = 1.005
#: Two runs differ by a part in 2,000 of so many, so what empty programs add by some per cent.
_QUICK: Final = {"exec": 400}

GUESTS: Final = ("counted", "events", "storm", "accuracy")
MODES: Final = ("contention-without-trees", "contention", "full")
OURS: Final = tuple(kind for mode in MODES for kind in (f"{mode}-empty", mode))
COUNTED: Final = {"exec": 300, "fork": 300, "mmap": 3000}
STORM: Final = {"exec": 60}
_TASKS: Final = 16
#: Of runs with nothing and under a tool, in turn; of the storm, whose times scatter.
_ROUNDS: Final = 3
_PAIRS: Final = 5


def whole(
    kernel: str,
    names: Sequence[str],
    rounds: int | None,
    keep: Path | None,
    write: bool,
    pictures: Path | None,
) -> int:
    """These guests, one after the other; what was measured is told once all of it is there."""
    others = tools.CONTENDERS
    guests = {
        "counted": lambda: measure(
            kernel, (*OURS, *others), _works(COUNTED), rounds or _ROUNDS, counted=True
        ),
        "events": lambda: measure(kernel, events.SESSIONS, events.WORKS, 1, counted=True),
        "storm": lambda: measure(
            kernel,
            (*OURS[1::2], *others),
            _works(STORM, f":{_TASKS}"),
            rounds or _PAIRS,
            counted=False,
        ),
        "accuracy": lambda: compare(kernel, accuracy.MAPS, accuracy.SECONDS),
    }
    measured = {}
    for name in names:
        measured[name] = guests[name]()
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name}.json").write_text(json.dumps(measured[name]))
    told(measured, write, pictures)
    return 0


def told(measured: Mapping[str, list[Any]], write: bool, pictures: Path | None) -> None:
    """Prints what was measured, and puts it where it was asked for."""
    parts: dict[str, list[str]] = {}
    if counted := measured.get("counted"):
        found = results.contenders(counted, COUNTED)
        parts["instructions"] = list(tables.table(found, tuple(COUNTED), "instructions"))
        parts["above empty"] = [
            f"- `{name}`: {times:.2f} times what empty programs at the same places add"
            for name, times in results.above_empty(found, "exec").items()
        ]
    if timed := measured.get("events"):
        for mode in events.MODES:
            parts[f"events of {mode} mode"] = list(events.table(events.events(timed, mode)))
    if storm := measured.get("storm"):
        contended = results.contenders(storm, STORM)
        parts["contended"] = list(tables.table(contended, tuple(STORM), "ns"))
    if said := measured.get("accuracy"):
        parts["tools"] = list(accuracy.table(said))
        parts["spun"] = list(accuracy.spun(said))
    print("\n\n".join("\n".join(lines) for lines in parts.values()))
    if write:
        for path in PAGES:
            page = path.read_text()
            for name in [name for name in parts if f"<!-- {name} -->" in page]:
                page = put(page, name, parts[name])
            path.write_text(page)
    if pictures and counted and storm:
        tables.draw(found, contended, pictures / "cost.png")


def _works(counts: Mapping[str, int], tasks: str = "") -> list[str]:
    return [f"{work}:{count}{tasks}" for work, count in counts.items()]


def quick(kernel: str, modes: Collection[str], commit: bool) -> int:
    """1 where a session's instructions grew, by the measure that other machines have too."""
    wanted = {*modes, *(f"{mode}-empty" for mode in modes if mode != _FREE)}
    names = [name for name in OURS if name in wanted]
    found = results.contenders(measure(kernel, names, _works(_QUICK), 1, counted=True), _QUICK)
    now = results.above_empty(found, "exec")
    if commit:
        COMMITTED.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n")
        return 0
    committed: dict[str, float] = json.loads(COMMITTED.read_text())
    before = {name: was for name, was in committed.items() if name in modes}
    grown = [
        f"{name}: {now.get(name, float('nan')):.2f} times what empty programs add, was {was:.2f}"
        for name, was in before.items()
        if not now.get(name, float("inf")) <= was * _MAY_GROW
    ]
    free = [one for one in found if one.name == _FREE]
    grown += [
        f"{_FREE}: {one.failed or one.ratios['exec'].median}, not {_FREE_RATIO}"
        for one in free
        if one.failed or one.ratios["exec"].median > _FREE_RATIO
    ]
    print("\n".join(tables.table(found, tuple(_QUICK), "instructions")))
    for line in grown:
        print(f"bench: grown: {line}", file=sys.stderr)
    print(f"{len(before) + len(free) - len(grown)} passed, {len(grown)} failed")
    return 1 if grown else 0


def main(words: Sequence[str]) -> int:
    """0; 1 where --quick finds that it grew; 70 if it could not be measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.bench", description=__doc__)
    parser.add_argument("--kernel", default=kernels.DEFAULT, metavar="NAME")
    parser.add_argument(
        "--quick", nargs="*", choices=MODES, metavar="MODE",
        help="only ours, against committed.json: these modes of it, or all",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, metavar="N", help="not 3 counted, 5 of the storm")
    parser.add_argument("--only", nargs="+", choices=GUESTS, help="not every guest")
    parser.add_argument("--commit", action="store_true", help="with --quick: write that file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for every figure, as JSON")
    parser.add_argument("--write", action="store_true", help="into docs/cost.md")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="what was kept")
    options = parser.parse_args(words)
    try:
        if options.quick is not None:
            return quick(options.kernel, options.quick or MODES, options.commit)
        if options.kept:
            kept = {path.stem: json.loads(path.read_text()) for path in options.kept.glob("*.json")}
            told(kept, options.write, options.pictures)
            return 0
        names = options.only or GUESTS
        return whole(
            options.kernel, names, options.rounds, options.keep, options.write, options.pictures
        )
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return cli.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
