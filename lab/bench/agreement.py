# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two runs agree: figure by figure, each within the interval that was stated of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lab.bench import lock_stat, results, scale
from lab.bench.plan import COUNTED, STORM
from lab.bench.results import Contender, Figure

#: What is told of a tool without an interval (start-up, memory) is stated to so much of itself.
_TOLD_WITHIN: Final = 0.10
_TOLD: Final = ("attached_seconds", "kernel_bytes", "resident_bytes")


def figures(measured: Mapping[str, Any]) -> dict[str, Figure]:
    """By guest, contender and what it is. Of `events` and `accuracy`, which state none, nothing."""
    return dict(_figures(measured))


def _figures(measured: Mapping[str, Any]) -> Iterator[tuple[str, Figure]]:
    for guest, counts in (("counted", COUNTED), ("storm", STORM), ("scale", scale.COUNTS)):
        if guest in measured:
            yield from _of(guest, results.contenders(measured[guest], counts))
    if "lock_stat" in measured:
        yield from _of("lock_stat", lock_stat.contenders(measured["lock_stat"], COUNTED))


def _of(guest: str, found: Iterable[Contender]) -> Iterator[tuple[str, Figure]]:
    for one in found:
        where = f"{guest}, {one.name}"
        for kind, by_work in (("ratio", one.ratios), ("added", one.added)):
            for work, figure in by_work.items():
                yield f"{where}, {work}, {kind}", figure
        for key in _TOLD:
            if key in one.told:
                value = one.told[key]
                off = abs(value) * _TOLD_WITHIN
                yield f"{where}, {key}", Figure(value, value - off, value + off, 1)


def agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Prints a line for each figure; 1 where two do not meet, or one run lacks what the other has.

    Two intervals agree where they overlap, or where both are one number and the same.
    """
    ours, theirs = figures(one), figures(other)
    differing = 0
    for name in dict.fromkeys((*ours, *theirs)):
        pair = [figures.get(name) for figures in (ours, theirs)]
        good = all(pair) and _meet(*(figure for figure in pair if figure))
        differing += not good
        shown = (figure.told(_form(figure)) if figure else "-" for figure in pair)
        print(f"{'agree' if good else 'DIFFER':<7} {name}: {'; '.join(shown)}")
    every = len({*ours, *theirs})
    print(f"{every - differing} of {every} figures agree")
    return 1 if differing or not every else 0


def _meet(one: Figure, other: Figure) -> bool:
    (low, high), (other_low, other_high) = (
        (figure.mean, figure.mean)
        if figure.low is None or figure.high is None
        else (figure.low, figure.high)
        for figure in (one, other)
    )
    return low <= other_high and other_low <= high


def _form(figure: Figure) -> str:
    return "{:,.0f}" if abs(figure.mean) >= 100 else "{:.3f}"
