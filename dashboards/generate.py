# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that is generated, by its path below dashboards/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dashboards import alerts, compare_kernels, overview, provisioning, recording, shards
from dashboards.thresholds import Thresholds

FILES: Final[Mapping[str, Callable[[Thresholds], str]]] = {
    "grafana/overview.json": overview.render,
    "grafana/shards.json": shards.render,
    "grafana/compare-kernels.json": lambda _: compare_kernels.render(),
    "grafana/provisioning/alerting/immapscope.yaml": provisioning.text,
    "prometheus/recording.yaml": recording.text,
    "prometheus/alerts.yaml": alerts.text,
}


def write(thresholds: Thresholds, folder: Path) -> None:
    """Writes every file below `folder`, making folders as needed. Raises OSError."""
    for name, render in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(thresholds), encoding="utf-8")
