# SPDX-License-Identifier: GPL-2.0-or-later
"""The worked example of docs/example.md, done again: python3 -m lab.example [--write].

Records an exec storm on the lab's `single`, asks what a tree for each node would have made of it,
has five runs of it on `single` and on `split`, and compares them. Three minutes, once the kernels
are built. Prints what each command says; --write puts that into the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lab import cache, cli
from lab.errors import LabError
from lab.pages import check, circumstances, tell
from lab.trial import WARM, Trial, immapscope

Json = dict[str, Any]

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/example.md"
PARTS: Final = ("report", "whatif", "compare", "sentence")
_STORM: Final = "./execstorm 16 50x /usr/bin/true"
RUNS: Final = 5
_RECORD: Final = f"immapscope record -o $OUT/single.parquet -- {_STORM}"
_TRACE: Final = "immapscope trace --format json --output $OUT/{kernel}/$run.json -- " + _STORM


def measure(keep: Path) -> None:
    """Boots both kernels; a recording and two folders of runs come to `keep`. Raises LabError."""
    for kernel in ("single", "split"):
        runs = " ".join(map(str, range(1, RUNS + 1)))
        trace = _TRACE.format(kernel=kernel)
        script = f"mkdir -p $OUT/{kernel} && for run in {runs}; do {trace} || exit; done"
        if kernel == "single":
            script = f"{_RECORD} && {script}"
        Trial(kernel).boot("the storm", f"{WARM} && {script}", ["execstorm"], keep)


def told(keep: Path) -> dict[str, list[str]]:
    """What each command of the page says, by part. Raises LabError."""
    recording = keep / "single.parquet"
    asked = ("whatif", recording, "--policy", "node", "--policy", "cpu")
    compared = ("compare", keep / "single", keep / "split")
    report = immapscope("report", recording, "--by", "inode,operation", "--top", "6")
    prediction: Json = json.loads(immapscope(*asked, "--format", "json"))
    comparison: Json = json.loads(immapscope(*compared, "--format", "json"))
    first = json.loads((keep / "single/1.json").read_text())
    return {
        "report": _block(report),
        "whatif": _block(immapscope(*asked)),
        "compare": _block(immapscope(*compared, "--format", "mail")),
        "sentence": ["> " + sentence(prediction, comparison), "", circumstances(first)],
    }


def _block(text: str) -> list[str]:
    return ["```", *text.rstrip("\n").splitlines(), "```"]


def sentence(prediction: Json, comparison: Json) -> str:
    """What one could post, of whatif's JSON and compare's."""
    node = next(one for one in prediction["predictions"] if one["policy"] == "node")
    headline = comparison["measures"][0]
    a, b = (comparison[side]["kernel"] for side in ("a", "b"))
    nodes, cpus = a["nodes"], a["cpus"]
    low, high = headline["interval"]
    return (
        f"On {nodes} nodes with {cpus} CPUs (emulated), 16 tasks that exec wait for i_mmap locks "
        f"{headline['ratio']:.2g} times as long for each tree operation with a tree and a lock for "
        f"each node ({b['release']}) as with one ({a['release']}): 95 % interval {low:.2g} to "
        f"{high:.2g}, {comparison['b']['runs']} runs of each, p = {headline['p']:.2g}. Predicted "
        f"from one recording of the latter: {node['ratio']:.2g} times."
    )


def main(words: Sequence[str]) -> int:
    """0; 70 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.example", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for recording and reports")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="what was kept")
    parser.add_argument("--write", action="store_true", help="into docs/example.md")
    options = parser.parse_args(words)
    try:
        if options.write:
            check(PAGE, PARTS)
        with cache.scratch("example") as scratch:
            keep = (options.kept or options.keep or scratch).absolute()
            if not options.kept:
                keep.mkdir(parents=True, exist_ok=True)
                measure(keep)
            found = told(keep)
        tell(PAGE, found, into_page=options.write)
    except LabError as error:
        print(f"example: {error}", file=sys.stderr)
        return cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
