# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as JSON: docs/compare.md tells the fields."""

from __future__ import annotations

import json
from typing import Any

from immapscope.comparing import words
from immapscope.comparing.comparison import Compared, Comparison


def document(comparison: Comparison) -> str:
    """One line, ASCII."""
    told = {
        "schema": 1,
        "a": {"kernel": comparison.kernels[0].model_dump(), "runs": comparison.runs[0]},
        "b": {"kernel": comparison.kernels[1].model_dump(), "runs": comparison.runs[1]},
        "mode": comparison.mode,
        "paired": comparison.paired,
        "test": words.test(comparison),
        "verdict": comparison.headline.verdict.value,
        "sentence": words.sentence(comparison),
        "warnings": list(comparison.warnings),
        "measures": [_line(line) for line in comparison.lines],
    }
    return json.dumps(told, ensure_ascii=True, allow_nan=False) + "\n"


def _line(line: Compared) -> dict[str, Any]:
    found = line.difference
    return {
        "scope": line.measure.scope,
        "name": line.measure.name,
        "what": line.measure.what,
        "unit": line.measure.unit.value,
        "mean_a": found.mean_a,
        "mean_b": found.mean_b,
        "ratio": found.ratio,
        "interval": None if found.interval is None else list(found.interval),
        "p": line.p,
        "effect": found.effect,
        "runs_needed": found.needed,
        "detectable": found.detectable,
        "verdict": line.verdict.value,
    }
