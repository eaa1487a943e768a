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
        "remarks": list(words.remarks(comparison)),
        "measures": [_line(line) for line in comparison.lines],
    }
    return json.dumps(told, ensure_ascii=True, allow_nan=False) + "\n"


def _line(line: Compared) -> dict[str, Any]:
    measure, found = line.measure, line.difference
    return {
        "scope": measure.scope.value,
        "name": measure.name,
        "what": measure.what,
        "unit": measure.unit.value,
        "per_tree_operation_of": None if measure.per is None else measure.per.value,
        "runs_a": line.runs[0],
        "runs_b": line.runs[1],
        "mean_a": found.mean_a,
        "mean_b": found.mean_b,
        "ratio": found.ratio,
        "interval": None if found.interval is None else list(found.interval),
        "p": line.p,
        "p_alone": found.p,
        "effect": found.effect,
        "runs_least": found.least,
        "decidable": found.decidable,
        "runs_needed": found.needed,
        "detectable": found.detectable,
        "verdict": line.verdict.value,
    }
