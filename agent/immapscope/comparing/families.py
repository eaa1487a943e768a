# SPDX-License-Identifier: GPL-2.0-or-later
"""Which measures are judged together, so that chance has one try in 20 at each question.

A question is: is it worse as a whole? one of the files? one of the nodes? ... Its measures are a
family, corrected by Holm for how many they are. What else is told of a part (its tail, say) is
asked only where the part differs, which adds no try where nothing does: p is then no less than that
of its part.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from immapscope.comparing.measures import Measure
from immapscope.comparing.parts import Scope


def families(measures: Sequence[Measure]) -> list[list[int]]:
    """Those that are judged together, by their places."""
    found: dict[Hashable, list[int]] = {}
    for place, measure in enumerate(measures):
        found.setdefault(_family(measure), []).append(place)
    return list(found.values())


def gates(measures: Sequence[Measure]) -> dict[int, int]:
    """By the place of what tells more of a part: the place of that part's headline."""
    headlines = {
        (one.scope, one.name): place for place, one in enumerate(measures) if one.is_headline
    }
    return {
        place: headlines[one.scope, one.name]
        for place, one in enumerate(measures)
        if one.scope is not Scope.ALL and not one.is_headline
    }


def corrected(measures: Sequence[Measure], p: Sequence[float | None]) -> list[float | None]:
    """The p of each, after how many its family has, and after its part's own p."""
    found: list[float | None] = [None] * len(p)
    for family in families(measures):
        for place, value in zip(family, holm([p[place] for place in family]), strict=True):
            found[place] = value
    for place, gate in gates(measures).items():
        own, before = found[place], found[gate]
        found[place] = None if own is None or before is None else max(own, before)
    return found


def holm(p: Sequence[float | None]) -> list[float | None]:
    """The same, so that of all of them together one in 20 is called a difference by chance."""
    known = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    most = 0.0
    for rank, (value, index) in enumerate(known):
        most = max(most, min(1.0, value * (len(known) - rank)))
        adjusted[index] = most
    return adjusted


def _family(measure: Measure) -> Hashable:
    if measure.scope is Scope.ALL:
        return measure.scope, measure.is_headline
    return (measure.scope, None) if measure.is_headline else (measure.scope, measure.name)
