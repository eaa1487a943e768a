# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a comparison, in words and numbers that every output has in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from immapscope.comparing.comparison import Compared, Comparison, Verdict
from immapscope.comparing.measures import HEADLINE, Per, Unit
from immapscope.comparing.parts import PARTS, Scope
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration, rate

UNKNOWN: Final = "-"
#: Stands behind the name of a part that waited in a run without a change of its own trees.
OF_ALL: Final = " (of all)"


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
    """Of the ratio, `-` where there are too few runs; `>= 3.2` where it has no upper end."""
    found = compared.difference.interval
    if found is None:
        return UNKNOWN
    low, high = found
    return f">= {_digits(low)}" if high is None else f"{_digits(low)}-{_digits(high)}"


def probability(p: float | None) -> str:
    """Of seeing such a difference where there is none."""
    if p is None:
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def effect(compared: Compared) -> str:
    """Cliff's delta, `-` where a side does not know the measure."""
    found = compared.difference.effect
    return UNKNOWN if found is None else f"{found:+.2f}"


def title(compared: Compared) -> str:
    """What is measured of all; the part's name; indented, what else is told of that part."""
    measure = compared.measure
    if measure.scope is Scope.ALL:
        return measure.what
    if not measure.is_headline:
        return f"  {measure.what}"
    return printable(measure.name) + (OF_ALL if _of_all(compared) else "")


def mark(verdict: Verdict) -> str:
    """A word for a narrow column."""
    return "" if verdict is Verdict.NOTHING else verdict.value


def sentence(comparison: Comparison) -> str:
    """What the headline comes to."""
    line = comparison.headline
    found = line.difference
    said = f"{HEADLINE} is {_beside(line)}"
    if line.verdict is not Verdict.NOTHING:
        sure = [f"{test(comparison)} p = {probability(line.p)}", f"Cliff's delta {effect(line)}"]
        if found.interval is not None:
            sure.insert(0, f"95 % interval {interval(line)}")
        return f"B is {line.verdict}: its {said} ({', '.join(sure)})."
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


def remarks(comparison: Comparison) -> Iterator[str]:
    """For which parts there are too few runs to show anything, since there are many parts."""
    if comparison.headline.p is None:
        return
    others = [one for one in comparison.lines[1:] if one.measure.scope is Scope.ALL]
    families = {"other measures of all files together": others}
    families |= {f"{scope}s": comparison.headlines(scope) for scope in PARTS}
    for what, lines in families.items():
        if lines and not any(line.difference.decidable for line in lines):
            yield (
                f"none of the {len(lines)} {what} can be called different by so few runs: that "
                f"takes {lines[0].difference.least} of each side"
            )


def footnotes(comparison: Comparison) -> Iterator[str]:
    """What explains a word of the lines."""
    if any(_of_all(line) for line in comparison.lines):
        yield (
            f"{OF_ALL.strip()}: for each tree operation of all files, since in some run it waited "
            "without one of its own"
        )


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


def _of_all(line: Compared) -> bool:
    """Of a part that is usually told by its own changes."""
    return line.measure.scope in (Scope.FILE, Scope.NODE) and line.measure.per is Per.ALL


def _beside(line: Compared) -> str:
    found = line.difference
    if found.ratio is not None:
        return f"{_digits(found.ratio)} of A's"
    if not found.mean_b:
        return "0, as A's is"
    return f"{value(line, found.mean_b)}, and A's is 0"


def _digits(found: float) -> str:
    """Three of them; no more than seven characters, since the columns of a mail are narrow."""
    if 0 < found < 0.001:
        return "<0.001"
    if found >= 999_999.5:
        return f"{found:.0e}"
    return f"{found:.3g}" if found < 999.5 else f"{found:,.0f}"
