# SPDX-License-Identifier: GPL-2.0-or-later
"""How many runs a difference takes to be seen, and what so many runs would have seen.

Normal theory on logarithms, for a rank test at its least efficiency, by the scatter that was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from immapscope.comparing.ranks import least_p, least_runs

#: Of seeing a difference that is there.
POWER: Final = 0.8
#: What a rank test needs more runs for than a test that knows how they scatter (Hodges, Lehmann).
_EFFICIENCY: Final = 0.864
_MOST_RUNS: Final = 1000


def scatter_of(a: Sequence[float], b: Sequence[float], paired: bool) -> float | None:
    """Standard deviation of a run's logarithm, or of a pair's ratio's; None where not known."""
    if min(len(a), len(b)) < 2 or min(*a, *b) <= 0:
        return None
    logs_a, logs_b = np.log(a), np.log(b)
    if paired:
        return float(np.std(logs_b - logs_a, ddof=1))
    squares = ((logs_a - logs_a.mean()) ** 2).sum() + ((logs_b - logs_b.mean()) ** 2).sum()
    return float(math.sqrt(squares / (len(a) + len(b) - 2)))


def runs_needed(
    ratio: float | None, scatter: float | None, paired: bool, level: float
) -> int | None:
    """Runs of each side that would show this ratio 4 times in 5; None: not known, or above 1000."""
    if not ratio or scatter is None or ratio == 1:
        return None
    usual = _sides(paired) * (_quantiles(level) * scatter / math.log(ratio)) ** 2 / _EFFICIENCY
    runs = max(least_runs(paired, level), math.ceil(usual + _more(paired, level)))
    return runs if runs <= _MOST_RUNS else None


def detectable_share(
    scatter: float | None, of_a: int, of_b: int, paired: bool, level: float
) -> float | None:
    """The least difference, as a share, that so many runs show 4 times in 5; None where none."""
    runs = min(of_a, of_b) - _more(paired, level)
    if scatter is None or runs <= 0 or least_p(of_a, of_b, paired) > level:
        return None
    sides = _sides(paired)
    return math.expm1(_quantiles(level) * scatter * math.sqrt(sides / _EFFICIENCY / runs))


def _sides(paired: bool) -> int:
    """That scatter."""
    return 1 if paired else 2


def _more(paired: bool, level: float) -> float:
    """Runs more of each side, since of few runs the scatter is not known either (Guenther 1981)."""
    return NormalDist().inv_cdf(1 - level / 2) ** 2 / (2 * _sides(paired))


def _quantiles(level: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - level / 2) + normal.inv_cdf(POWER)
