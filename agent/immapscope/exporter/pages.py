# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scrape is sent: rendered once for each snapshot, then only copied out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

import prometheus_client
import prometheus_client.openmetrics.exposition
from prometheus_client.registry import CollectorRegistry

_openmetrics: Callable[[CollectorRegistry], bytes] = (
    prometheus_client.openmetrics.exposition.generate_latest
)


@dataclass(frozen=True, slots=True)
class Pages:
    """One snapshot in every form that is served.

    `fresh_until` is when the next snapshot should have come long ago, in seconds of
    CLOCK_MONOTONIC, None where there was no snapshot yet.
    """

    text: bytes
    text_gzip: bytes
    openmetrics: bytes
    openmetrics_gzip: bytes
    landing: bytes
    fresh_until: float | None = None

    @property
    def ready(self) -> bool:
        """Whether there was a snapshot."""
        return self.fresh_until is not None


def render(registry: CollectorRegistry, landing: bytes, fresh_until: float | None) -> Pages:
    """Everything that the registry holds now, in both formats, plain and compressed."""
    text, openmetrics = prometheus_client.generate_latest(registry), _openmetrics(registry)
    return Pages(
        text,
        gzip.compress(text, compresslevel=6, mtime=0),
        openmetrics,
        gzip.compress(openmetrics, compresslevel=6, mtime=0),
        landing,
        fresh_until,
    )
