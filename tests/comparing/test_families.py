# SPDX-License-Identifier: GPL-2.0-or-later
"""However many parts there are: of one kernel none is called different, 19 times in 20."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from immapscope.comparing.families import corrected, families, gates, holm
from immapscope.comparing.measures import HEADLINE, Measure, Unit
from immapscope.comparing.parts import PARTS, Scope
from immapscope.comparing.ranks import ALPHA, rank_test
from tests.comparing.drawn import drawn

DETAILS = ("acquisitions per exec", "median wait", "99th percentile wait", "longest wait")


def measure(scope: Scope, name: str, what: str = HEADLINE) -> Measure:
    return Measure(scope, name, what, Unit.SECONDS, (), ())


def everything(parts: int) -> Iterator[Measure]:
    """As a comparison has them, with so many files, and half as many nodes, ..."""
    yield measure(Scope.ALL, "")
    yield from (measure(Scope.ALL, "", what) for what in DETAILS)
    for scope in PARTS:
        for number in range(parts if scope is Scope.FILE else parts // 2):
            yield measure(scope, str(number))
            yield from (measure(scope, str(number), what) for what in DETAILS)


@pytest.mark.parametrize(("runs", "paired", "parts"), [(6, False, 10), (8, True, 4)])
def test_of_one_kernel_no_part_is_called_different(runs: int, paired: bool, parts: int) -> None:
    random, told = np.random.default_rng(1), list(everything(parts))
    trials, called = 200, dict.fromkeys((*Scope, HEADLINE), 0)
    for _ in range(trials):
        alone = [
            rank_test(drawn(random, runs, 1, 0.1), drawn(random, runs, 1, 0.1), paired)
            for _ in told
        ]
        found = corrected(told, alone)
        different = {
            one.scope for one, p in zip(told[1:], found[1:], strict=True) if p and p <= ALPHA
        }
        for scope in different:
            called[scope] += 1
        called[HEADLINE] += (found[0] or 1) <= ALPHA
    # 200 trials at 5 % come to 8.6 % once in a hundred times; the seed is fixed.
    assert max(called.values()) <= (ALPHA + 0.036) * trials
    # And the test is not merely blind.
    assert called[HEADLINE] > 0


def test_one_file_of_several_is_found_by_five_runs() -> None:
    told = list(everything(5))
    place = told.index(measure(Scope.FILE, "3"))
    p: list[float | None] = [1.0] * len(told)
    p[place] = 2 / 252
    found = corrected(told, p)[place]
    assert found is not None
    assert found <= ALPHA


def test_what_is_judged_together_is_of_one_scope() -> None:
    told = list(everything(4))
    assert sorted(len(family) for family in families(told)) == [1, *[2] * 3, *[4] * 12]
    (headline, *_) = families(told)
    assert headline == [0]


def test_what_else_is_told_of_a_part_differs_only_where_the_part_does() -> None:
    told = [
        measure(Scope.ALL, ""),
        measure(Scope.FILE, "libc.so.6"), measure(Scope.FILE, "libc.so.6", "longest wait"),
        measure(Scope.FILE, "bash"), measure(Scope.FILE, "bash", "longest wait"),
        measure(Scope.FILE, "sh"), measure(Scope.FILE, "sh", "longest wait"),
    ]  # fmt: skip
    assert gates(told) == {2: 1, 4: 3, 6: 5}
    found = corrected(told, [0.5, 0.4, 0.001, 0.001, 0.002, None, 0.01])
    assert found == pytest.approx([0.5, 0.4, 0.4, 0.002, 0.002, None, None])


def test_many_parts_are_corrected_for_how_many_they_are() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
