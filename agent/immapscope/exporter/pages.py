# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scrape is sent: rendered once for each snapshot, then only copied out."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import prometheus_client
import prometheus_client.openmetrics.exposition
from prometheus_client.core import Metric
from prometheus_client.registry import CollectorRegistry

_openmetrics: Callable[[Any], bytes] = prometheus_client.openmetrics.exposition.generate_latest
_END: Final = b"# EOF\n"


@dataclass(frozen=True, slots=True)
class Pages:
    """One snapshot in every form that is served.

    The two of a megabyte are kept compressed, which is a twentieth of it, and are uncompressed
    piece by piece for who cannot. `fresh_until` is when the next snapshot should have come long
    ago, in seconds of CLOCK_MONOTONIC, None where there was no snapshot yet. `tag` names this state
    of `live`.
    """

    text_gzip: bytes
    text_bytes: int
    openmetrics_gzip: bytes
    openmetrics_bytes: int
    landing: bytes
    fresh_until: float | None = None
    live: bytes = b""
    live_gzip: bytes = b""
    tag: str = ""

    @property
    def text(self) -> bytes:
        """The whole of it in Prometheus' own format."""
        return gzip.decompress(self.text_gzip)

    @property
    def openmetrics(self) -> bytes:
        """The whole of it in OpenMetrics."""
        return gzip.decompress(self.openmetrics_gzip)

    @property
    def ready(self) -> bool:
        """Whether there was a snapshot."""
        return self.fresh_until is not None


def render(
    registry: CollectorRegistry, landing: bytes, fresh_until: float | None, live: bytes = b""
) -> Pages:
    """Everything that the registry holds now, in both formats."""
    return Pages(
        *_packed(_texts(registry, prometheus_client.generate_latest)),
        *_packed(_texts(registry, _openmetrics, _END)),
        landing,
        fresh_until,
        live,
        _packed([live])[0],
        f'"{hashlib.sha256(live).hexdigest()[:32]}"',
    )


class _One:
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        yield self._family


def _texts(
    registry: CollectorRegistry, generate: Callable[[Any], bytes], end: bytes = b""
) -> Iterator[bytes]:
    """A page, family by family: writing one takes several times what its text does."""
    for family in registry.collect():
        yield generate(_One(family)).removesuffix(end)
    yield end


def _packed(parts: Iterable[bytes]) -> tuple[bytes, int]:
    """gzip, and how many bytes are in it."""
    packed = io.BytesIO()
    length = 0
    # Without a time, so that equal pages are equal bytes.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as file:
        for part in parts:
            length += file.write(part)
    return packed.getvalue(), length
