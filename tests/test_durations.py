# SPDX-License-Identifier: GPL-2.0-or-later
"""A duration is a number with a unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.durations import parse_duration
from immapscope.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("2m", 120),
        ("1h", 3600),
        ("3", 3),
        ("0.25", 0.25),
        ("1ms", 0.001),
        ("366m", 366 * 60),
    ],
)
def test_a_duration_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "10 s", " 1s", "1s ", "1_0s", "1d", ".5s", "5.s", "1,5s"]
)
def test_what_does_not_read_as_one_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration; write 10s, 500ms, 2m or 1h"):
        parse_duration(text)


@given(st.integers(0, 10**13), st.sampled_from(["ms", "s", "m", "h", ""]))
def test_a_number_with_a_unit_is_a_duration_or_out_of_range(tenthousandths: int, unit: str) -> None:
    number = Decimal(tenthousandths) / 10_000
    scale = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "": 1_000}[unit]
    milliseconds = number * scale
    if 1 <= milliseconds <= 366 * 24 * 3_600_000:
        assert parse_duration(f"{number:f}{unit}") == pytest.approx(float(milliseconds) / 1_000)
    else:
        with pytest.raises(UsageError, match="not between 1ms and a year"):
            parse_duration(f"{number:f}{unit}")
