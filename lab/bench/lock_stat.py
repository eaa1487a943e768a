# SPDX-License-Identifier: GPL-2.0-or-later
"""What LOCK_STAT costs: no program, but a kernel that is built with it, beside one without.

Both are of the same source and configuration. With LOCK_STAT comes what it selects (lockdep's
bookkeeping of every lock, DEBUG_LOCK_ALLOC, DEBUG_SPINLOCK, DEBUG_MUTEXES), which is paid for as
soon as it is there; counting can be turned on and off. PROVE_LOCKING and other checks are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any, Final

from lab.bench import results
from lab.bench.results import Contender, Figure
from lab.kernels.own import LOCK_STAT

Record = Mapping[str, Any]

WITHOUT: Final = "single"
WITH: Final = f"single{LOCK_STAT}"
#: What the work of one kernel takes in one boot and in another differs by up to this part of
#: itself: three boots of each, 30 November and 1 December 2026.
_BOOTS: Final = 0.003
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
    alike, *others = results.contenders(found, counts, twice)
    pairs = [one for one in found if one["contender"] != WITHOUT and "under" in one]
    return [alike, *(_of_two_boots(one, pairs, counts) for one in others)]


def _of_two_boots(one: Contender, pairs: Sequence[Record], counts: Mapping[str, int]) -> Contender:
    """What differs from boot to boot cannot show within one, and widens the interval."""

    def added(work: str, figure: Figure) -> Figure:
        mine = [pair for pair in pairs if pair["contender"] == one.name]
        each = fmean(pair["bare"][work] + pair["under"][work] for pair in mine) / counts[work]
        return figure.widened(_BOOTS * each)

    return replace(
        one,
        ratios={work: figure.widened(_BOOTS * figure.mean) for work, figure in one.ratios.items()},
        added={
            work: added(work, figure) if work in counts else figure
            for work, figure in one.added.items()
        },
    )


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
