# SPDX-License-Identifier: GPL-2.0-or-later
"""Which form of the metrics a client wants, by its Accept and Accept-Encoding headers.

The client library's own choice knows no q-values, so this one goes as Prometheus' Go library does:
the acceptable types in the order of their q, then of the header; the first that is served wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple


class Format(Enum):
    """What /metrics can be sent as; each value is its Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


#: For each media type that is served, as what, and its versions; an absent version is any.
_SERVED: Final = {
    "application/openmetrics-text": (Format.OPENMETRICS, {"", "1.0.0"}),
    "text/plain": (Format.TEXT, {"", "0.0.4"}),
    "text/*": (Format.TEXT, {""}),
    "*/*": (Format.TEXT, {""}),
}


class _Choice(NamedTuple):
    value: str
    version: str
    q: float


def metrics_format(accept: str) -> Format:
    """The format for this Accept header; text where nothing that it names is served."""
    for choice in sorted(_choices(accept), key=lambda one: -one.q):
        served, versions = _SERVED.get(choice.value, (None, ()))
        if served is not None and choice.q > 0 and choice.version in versions:
            return served
    return Format.TEXT


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named, or all is, and not refused by q=0."""
    quality = {choice.value: choice.q for choice in _choices(accept_encoding)}
    return quality.get("gzip", quality.get("*", 0.0)) > 0


def _choices(header: str) -> Iterator[_Choice]:
    for part in header.split(","):
        value, *parameters = (word.strip() for word in part.split(";"))
        named = dict(_parameter(text) for text in parameters)
        try:
            q = float(named.get("q", "1"))
        except ValueError:
            continue
        yield _Choice(value.lower(), named.get("version", ""), q)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"')
