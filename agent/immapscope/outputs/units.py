# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers as people read them: three significant digits of time, grouped thousands, percents."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "-"

_UNITS_OF_TIME: Final = ((1_000, "us"), (1_000_000, "ms"), (1_000_000_000, "s"))
_UNITS_OF_COUNT: Final = ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G"))


def duration(ns: int | float) -> str:
    """Nanoseconds as `850 ns`, `1.23 us`, `12.3 ms`, `123 s` or `4,567 s`; zero is `0`."""
    if ns == 0:
        return "0"
    if ns < 999.5:
        return f"{ns:.0f} ns"
    for scale, unit in _UNITS_OF_TIME[:-1]:
        digits = _three_digits(ns / scale)
        if digits is not None:
            return f"{digits} {unit}"
    scale, unit = _UNITS_OF_TIME[-1]
    return f"{_three_digits(ns / scale) or f'{ns / scale:,.0f}'} {unit}"


def grouped(count: int) -> str:
    """All digits: `12,345,678`."""
    return f"{count:,}"


def compact(count: int) -> str:
    """Three significant digits where all would be too wide: `999`, `12.3k`, `4.56M`, `12,345G`."""
    if abs(count) < 1_000:
        return str(count)
    for scale, unit in _UNITS_OF_COUNT[:-1]:
        digits = _three_digits(count / scale)
        if digits is not None:
            return digits + unit
    scale, unit = _UNITS_OF_COUNT[-1]
    return (_three_digits(count / scale) or f"{count / scale:,.0f}") + unit


def rate(value: float) -> str:
    """Three significant digits, all digits from a thousand on: `0.123`, `12.3`, `1,234`."""
    if 0 < value < 0.9995:
        return f"{value:.3g}" if value >= 0.001 else "<0.001"
    return _three_digits(value) or f"{value:,.0f}"


def percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent, one decimal; `-` where `whole` is 0."""
    if whole == 0:
        return UNKNOWN
    value = 100 * part / whole
    return "<0.1" if 0 < value < 0.05 else f"{value:.1f}"


def plural(count: int, noun: str) -> str:
    """`1 wait`, `1,234 waits`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _three_digits(value: float) -> str | None:
    """None where rounding reaches a thousand: the next unit is due."""
    if value < 9.995:
        return f"{value:.2f}"
    if value < 99.95:
        return f"{value:.1f}"
    return f"{value:.0f}" if value < 999.5 else None
