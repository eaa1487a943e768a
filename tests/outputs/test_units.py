# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers keep three digits and never a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.outputs.units import compact, duration, percent, plural, rate


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0"),
        (1, "1 ns"),
        (999, "999 ns"),
        (999.7, "1.00 us"),
        (1_000, "1.00 us"),
        (9_994, "9.99 us"),
        (9_996, "10.0 us"),
        (99_940, "99.9 us"),
        (99_960, "100 us"),
        (999_400, "999 us"),
        (999_600, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (999_999_999, "1.00 s"),
        (123_456_789_012, "123 s"),
        (999_600_000_000, "1,000 s"),
        (4_567_890_000_000, "4,568 s"),
    ],
)
def test_a_duration_reads(ns: float, text: str) -> None:
    assert duration(ns) == text


@given(st.integers(1, 10**15))
def test_a_duration_is_within_half_a_digit(ns: int) -> None:
    number, unit = duration(ns).split()
    scale = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[unit]
    assert float(number.replace(",", "")) * scale == pytest.approx(ns, rel=0.00501)
    assert len(number) <= 4 or unit == "s"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_001, "1.00k"),
        (12_345, "12.3k"),
        (999_600, "1.00M"),
        (64_245_925, "64.2M"),
        (10**13, "10,000G"),
    ],
)
def test_a_compact_count_reads(count: int, text: str) -> None:
    assert compact(count) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 5, "0.0"),
        (1, 10_000, "<0.1"),
        (1, 1_000, "0.1"),
        (2, 3, "66.7"),
        (5, 5, "100.0"),
        (0, 0, "-"),
    ],
)
def test_a_percentage_reads(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"),
        (0.0001, "<0.001"),
        (0.00648, "0.00648"),
        (0.5, "0.5"),
        (0.9996, "1.00"),
        (54.64, "54.6"),
        (126_463.2, "126,463"),
    ],
)
def test_a_rate_reads(value: float, text: str) -> None:
    assert rate(value) == text


def test_one_is_singular() -> None:
    assert [plural(1, "wait"), plural(0, "wait"), plural(1_234, "wait")] == [
        "1 wait",
        "0 waits",
        "1,234 waits",
    ]
