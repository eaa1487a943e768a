# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scrape is sent: rendered once for each snapshot, then only copied out."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterable
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
    text, openmetrics, live_gzip = _Packed(), _Packed(), _Packed()
    for family in registry.collect():
        # One by one, each dropped before the next: what makes a page takes several times its text.
        one = _One(family)
        text.write(prometheus_client.generate_latest(one))
        openmetrics.write(_openmetrics(one).removesuffix(_END))
        del family, one
    openmetrics.write(_END)
    live_gzip.write(live)
    return Pages(
        text.packed(),
        text.length,
        openmetrics.packed(),
        openmetrics.length,
        landing,
        fresh_until,
        live,
        live_gzip.packed(),
        f'"{hashlib.sha256(live).hexdigest()[:32]}"',
    )


class _One:
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        yield self._family


class _Packed:
    """gzip of what is written; `length` bytes are in it."""

    def __init__(self) -> None:
        self.length = 0
        self._packed = io.BytesIO()
        # Without a time, so that equal pages are equal bytes.
        self._file = gzip.GzipFile(
            filename="", mode="wb", compresslevel=6, fileobj=self._packed, mtime=0
        )

    def write(self, part: bytes) -> None:
        """Appends it."""
        self.length += self._file.write(part)

    def packed(self) -> bytes:
        """The whole of it; nothing is written any more."""
        self._file.close()
        return self._packed.getvalue()
