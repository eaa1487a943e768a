# SPDX-License-Identifier: GPL-2.0-or-later
"""What LOCK_STAT costs: no program, but a kernel that is built with it, beside one without.

Both are of the same source and configuration. With LOCK_STAT comes what it selects (lockdep's
bookkeeping of every lock, DEBUG_LOCK_ALLOC, DEBUG_SPINLOCK, DEBUG_MUTEXES), which is paid for as
soon as it is there; counting can be turned on and off. PROVE_LOCKING and other checks are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lab.bench import results
from lab.bench.results import Contender
from lab.kernels.own import LOCK_STAT

Record = Mapping[str, Any]

WITHOUT: Final = "single"
WITH: Final = f"single{LOCK_STAT}"
#: Of guest/measure.py, for each of the two.
NOTHING: Final = ("nothing",)
COUNTING: Final = ("lock_stat",)


def contenders(measured: Mapping[str, Any], counts: Mapping[str, int]) -> list[Contender]:
    """The kernel without it, twice; the one with it, off and counting, over the one without.

    `measured`: measured.json of `without` and of `counting`. A pair is of one round.
    """
    without, counting = measured["without"], measured["counting"]
    found = [{**one, "contender": WITHOUT} for one in without]
    for name, of_round in (("LOCK_STAT, off", _off), ("LOCK_STAT, counting", _on)):
        found += [
            {"contender": name, "bare": bare["bare"], **of_round(bare, one)}
            for bare, one in zip(without, counting, strict=True)
        ]
    twice = [one[which] for one in without for which in ("bare", "under") if which in one]
    return results.contenders(found, counts, twice)


def _off(bare: Record, one: Record) -> Record:
    return {"under": one["bare"], "told": {"kernel_bytes": _more(bare, one)}}


def _on(bare: Record, one: Record) -> Record:
    if "under" not in one:
        return {"failed": one["failed"]}
    return {"under": one["under"], "told": {**one["told"], "kernel_bytes": _more(bare, one)}}


def _more(bare: Record, one: Record) -> int:
    """Bytes that the kernel leaves less for others: its text, and tables of a fixed size."""
    less: int = bare["memory_bytes"] - one["memory_bytes"]
    return less
