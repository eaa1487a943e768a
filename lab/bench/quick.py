# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a session costs more than it did, by the measure that other machines have too."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from lab.bench import results, tables
from lab.bench.guests import measure
from lab.bench.plan import OURS, works

#: Added instructions over those of empty programs, as last measured.
COMMITTED: Final = Path(__file__).with_name("committed.json")
_MAY_GROW: Final = 1.10
#: Of the one that is at no place which an uncontended lock passes: bare runs differ by less.
_FREE: Final = "contention-without-trees"
_FREE_RATIO: Final = 1.005
#: Two runs differ by a part in 2,000 of so many, so what empty programs add by some per cent.
_COUNTS: Final = {"exec": 400}


def quick(kernel: str, modes: Collection[str], commit: bool) -> int:
    """1 where a session's instructions grew; `commit` writes what they are now. Raises LabError."""
    wanted = {*modes, *(f"{mode}-empty" for mode in modes if mode != _FREE)}
    names = [name for name in OURS if name in wanted]
    found = results.contenders(measure(kernel, names, works(_COUNTS), 1, counted=True), _COUNTS)
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
        f"{_FREE}: {one.failed or format(one.ratios['exec'].mean, '.4f')}, not {_FREE_RATIO}"
        for one in free
        if one.failed or one.ratios["exec"].mean > _FREE_RATIO
    ]
    print("\n".join(tables.table(found, tuple(_COUNTS), "instructions")))
    for line in grown:
        print(f"bench: grown: {line}", file=sys.stderr)
    print(f"{len(before) + len(free) - len(grown)} passed, {len(grown)} failed")
    return 1 if grown else 0
