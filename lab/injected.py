# SPDX-License-Identifier: GPL-2.0-or-later
"""Is compare right? python3 -m lab.injected: holds made 20 % longer are found, and no others.

On the lab's `single` tasks that hardly think hold one file's lock for 5 ms, then for 6, then for 5
again, in turn, five times: each waits for the seven others, so each wait is a fifth longer too.
Prints what `compare` says of the first and the second, and of the first and the third; 1 where that
is not a difference and none.
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
from lab.trial import Trial, immapscope

#: us that a change of the tree takes, by side.
SIDES: Final = {"base": 5_000, "slower": 6_000, "again": 5_000}
RUNS: Final = 5
#: What compare has to say of it beside `base`.
_VERDICTS: Final = {"slower": "worse", "again": "no difference that these runs can show"}
#: The file, pairs of a map and an unmap of each task, us that it thinks, walks, and its CPUs.
_STORM: Final = "./sleepers hot 25 1000 0 0 1 2 3 4 5 6 7"
_HOLD: Final = "/sys/module/interval_tree/parameters"


def work() -> str:
    """What the guest's shell does."""
    lines = [
        "truncate -s 8K hot",
        f"printf sleepers > {_HOLD}/hold_comm",
        f"mkdir -p {' '.join(f'$OUT/{side}' for side in SIDES)}",
    ]
    for run in range(1, RUNS + 1):
        for side, hold in SIDES.items():
            lines.append(f"echo {hold} > {_HOLD}/hold_us")
            trace = "immapscope trace --mode contention --format json"
            lines.append(f"{trace} --output $OUT/{side}/{run}.json -- {_STORM}")
    return " && ".join(lines)


def measure(keep: Path) -> None:
    """Boots the guest; a folder of runs for each side comes to `keep`. Raises LabError."""
    Trial("single", limit_seconds=1200).boot("the sleepers", work(), ["sleepers"], keep)


def compared(keep: Path, side: str, form: str) -> str:
    """What compare says of `base` and that side. Raises LabError."""
    return immapscope("compare", keep / "base", keep / side, "--format", form)


def main(words: Sequence[str]) -> int:
    """0; 1 where compare was wrong, 70 if it could not be asked."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.injected", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the reports")
    options = parser.parse_args(words)
    try:
        with cache.scratch("injected") as scratch:
            keep = (options.keep or scratch).absolute()
            keep.mkdir(parents=True, exist_ok=True)
            measure(keep)
            right = True
            for side, verdict in _VERDICTS.items():
                print(compared(keep, side, "mail"))
                found: dict[str, Any] = json.loads(compared(keep, side, "json"))
                right &= found["verdict"] == verdict
            return 0 if right else 1
    except LabError as error:
        print(f"injected: {error}", file=sys.stderr)
        return cli.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
