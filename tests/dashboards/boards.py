# SPDX-License-Identifier: GPL-2.0-or-later
"""The committed dashboards as tests read them: plain JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "dashboards"
NAMES: Final = ("overview", "shards", "compare-kernels")


def board(name: str) -> dict[str, Any]:
    """The dashboard of that file name."""
    content = json.loads((FOLDER / "grafana" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def panels(name: str) -> list[dict[str, Any]]:
    """Its panels, rows left out."""
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def variables(name: str) -> list[dict[str, Any]]:
    """Its variables."""
    found: list[dict[str, Any]] = board(name)["templating"]["list"]
    return found
