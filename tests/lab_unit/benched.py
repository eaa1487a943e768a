# SPDX-License-Identifier: GPL-2.0-or-later
"""Records as guests of the bench leave them, made up."""

from __future__ import annotations

from typing import Any


def one(
    contender: str, bare: float, under: float, work: str = "exec", **told: Any
) -> dict[str, Any]:
    """A pair of runs of one work, and what the contender told."""
    return {
        "contender": contender,
        "round": 0,
        "bare": {work: bare},
        "under": {work: under},
        "told": told,
    }


def failed(contender: str, why: str, bare: float = 1000) -> dict[str, Any]:
    """A run with nothing, and a contender that could not be had."""
    return {"contender": contender, "round": 0, "bare": {"exec": bare}, "failed": why}
