# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab.bench [--quick [MODE...]]: what tracing costs, beside every other tool.

Guests of one CPU whose clock counts instructions, for the cost of an exec and of an event, at any
scale, and of LOCK_STAT on kernels of our own; guests of 4 nodes of 2 CPUs, for a contended storm in
pairs of runs, and for what each tool says of work whose truth is known. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cache, cli, kernels
from lab.bench import parts
from lab.bench.agreement import agree
from lab.bench.pictures import can_draw
from lab.bench.plan import GUESTS, MODES
from lab.bench.quick import quick
from lab.bench.whole import kept, whole
from lab.errors import LabError


def main(words: Sequence[str]) -> int:
    """0; 1 where --quick finds that it grew or --agrees that runs differ; 70 if not measured."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.bench", description=__doc__)
    parser.add_argument("--kernel", default=kernels.DEFAULT, metavar="NAME")
    parser.add_argument(
        "--quick", nargs="*", choices=MODES, metavar="MODE",
        help="only ours, against committed.json: these modes of it, or all",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="of runs with nothing and under each"
    )
    parser.add_argument("--only", nargs="+", choices=GUESTS, help="not every guest")
    parser.add_argument("--commit", action="store_true", help="with --quick: write that file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for every figure, as JSON")
    parser.add_argument("--write", action="store_true", help="into docs/cost.md, docs/accuracy.md")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="to draw into; needs matplotlib"
    )
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="what was kept")
    parser.add_argument(
        "--agrees", type=Path, nargs=2, metavar="FOLDER",
        help="whether two runs that were kept agree, figure by figure",
    )  # fmt: skip
    options = parser.parse_args(words)
    try:
        if options.quick is not None:
            return quick(options.kernel, options.quick or MODES, options.commit)
        if options.agrees:
            return agree(*(kept(folder) for folder in options.agrees))
        # Told before an hour of measuring, not after it.
        pictures = options.pictures if options.pictures and can_draw() else None
        failed: list[str] = []
        if options.kept:
            measured = kept(options.kept)
        else:
            with cache.scratch("bench-whole") as scratch:
                names = options.only or list(GUESTS)
                measured, failed = whole(
                    options.kernel, names, options.rounds, options.keep or scratch
                )
        found = parts.parts(measured)
        print("\n\n".join("\n".join(lines) for lines in found.values()))
        if pictures and (link := parts.picture(measured, pictures)):
            found["picture"] = link
        if options.write:
            parts.write(found)
        for line in failed:
            print(f"bench: {line}", file=sys.stderr)
        return cli.FAILED if failed else 0
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return cli.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
