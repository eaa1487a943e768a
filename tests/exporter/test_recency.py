# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files waited most lately."""

from __future__ import annotations

import pytest

from immapscope.exporter.labels import FileLabels
from immapscope.exporter.recency import HALF_LIFE_SECONDS, MOST_RANKED, Recency


def file(number: int) -> FileLabels:
    return FileLabels("a", f"254:0:{number}")


def test_a_wait_fades_by_half_in_each_half_life() -> None:
    recency = Recency()
    recency.add(file(1), 800)
    for left in (400, 200, 100):
        recency.fade(HALF_LIFE_SECONDS)
        assert recency.of(file(1)) == pytest.approx(left)
    recency.add(file(1), 50)
    assert recency.of(file(1)) == pytest.approx(150)


def test_less_than_a_nanosecond_is_nothing() -> None:
    recency = Recency()
    recency.add(file(1), 3)
    recency.fade(2 * HALF_LIFE_SECONDS)
    assert recency.of(file(1)) == 0


def test_of_very_many_files_those_that_waited_least_are_forgotten() -> None:
    recency = Recency()
    for number in range(1, MOST_RANKED + 11):
        recency.add(file(number), number)
    recency.forget_the_least()
    assert recency.of(file(10)) == 0
    assert recency.of(file(11)) == 11
