# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a comparison, in words and numbers that every output has in common."""

from __future__ import annotations

from typing import Final

from immapscope.comparing.comparison import Compared, Comparison, Verdict
from immapscope.comparing.measures import Unit
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration, rate

UNKNOWN: Final = "-"


def value(compared: Compared, mean: float | None) -> str:
    """A mean with its unit, `-` where no run knows it."""
    if mean is None:
        return UNKNOWN
    return duration(1e9 * mean) if compared.measure.unit is Unit.SECONDS else rate(mean)


def ratio(compared: Compared) -> str:
    """B by A, `-` where A is 0."""
    found = compared.difference.ratio
    return UNKNOWN if found is None else _digits(found)


def interval(compared: Compared) -> str:
    """Of the ratio, `-` where there are too few runs."""
    found = compared.difference.interval
    return UNKNOWN if found is None else f"{_digits(found[0])}-{_digits(found[1])}"


def probability(p: float | None) -> str:
    """Of seeing such a difference where there is none."""
    if p is None:
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def effect(compared: Compared) -> str:
    """Cliff's delta, `-` where a side does not know the measure."""
    found = compared.difference.effect
    return UNKNOWN if found is None else f"{found:+.2f}"


def name(compared: Compared) -> str:
    """Of the measure: what it is of, or what is measured of all."""
    measure = compared.measure
    if measure.scope == "all":
        return measure.what
    return f"{measure.scope} {printable(measure.name)}"


def mark(verdict: Verdict) -> str:
    """A word for a narrow column."""
    return "" if verdict is Verdict.NOTHING else verdict.value


def sentence(comparison: Comparison) -> str:
    """What the headline comes to."""
    line = comparison.headline
    found = line.difference
    said = f"{line.measure.what} is {_times(found.ratio)}"
    if line.verdict is not Verdict.NOTHING:
        return (
            f"B is {line.verdict}: its {said} (95 % interval {interval(line)}, "
            f"{test(comparison)} p = {probability(line.p)}, Cliff's delta {effect(line)})."
        )
    if line.p is None:
        return (
            f"These runs can show no difference, whatever there is: {found.least} of each side are "
            f"the least that can. B's {said}."
        )
    more = (
        ""
        if found.detectable is None
        else (f" They would have shown one of {100 * found.detectable:.0f} %.")
    )
    needed = (
        ""
        if found.needed is None or found.needed <= min(comparison.runs)
        else (f" If it is real, about {found.needed} runs of each would show it.")
    )
    return f"No difference that these runs can show: B's {said}.{more}{needed}"


def test(comparison: Comparison) -> str:
    """The name of the rank test."""
    return "Wilcoxon" if comparison.paired else "Mann-Whitney"


def sides(comparison: Comparison) -> tuple[str, str]:
    """A and B in a line each: kernel and number of runs."""
    (kernel_a, kernel_b), (runs_a, runs_b) = comparison.kernels, comparison.runs
    told = [
        f"{side}: {printable(str(kernel))}; {runs} run{'s' if runs != 1 else ''}"
        for side, kernel, runs in (("A", kernel_a, runs_a), ("B", kernel_b, runs_b))
    ]
    return told[0], told[1]


def _times(found: float | None) -> str:
    return "not known beside A's, which is 0" if found is None else f"{_digits(found)} of A's"


def _digits(found: float) -> str:
    return f"{found:.3g}" if found < 1000 else f"{found:,.0f}"
