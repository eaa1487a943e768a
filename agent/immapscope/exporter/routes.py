# SPDX-License-Identifier: GPL-2.0-or-later
"""What is answered to which request. Pure: the pages are at hand, nothing is computed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from immapscope.exporter.landing import CONTENT_SECURITY_POLICY
from immapscope.exporter.negotiation import Format, metrics_format, takes_gzip
from immapscope.exporter.pages import Pages


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response. `unpacked`: `body` is gzip, to be sent as the so many bytes in it."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes
    unpacked: int | None = None

    @property
    def length(self) -> int:
        """Bytes that are sent."""
        return len(self.body) if self.unpacked is None else self.unpacked

    def pieces(self, size: int) -> Iterator[bytes]:
        """What is sent, at most `size` bytes at a time."""
        if self.unpacked is None:
            yield from (self.body[at : at + size] for at in range(0, len(self.body), size))
            return
        inflated = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        left = self.body
        while not inflated.eof:
            yield inflated.decompress(left, size)
            left = inflated.unconsumed_tail


def told(status: HTTPStatus, words: str, **headers: str) -> Reply:
    """One line of plain text."""
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, kind | more, f"{words}\n".encode())


def route(method: str, target: str, headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    """The reply to a request. `headers` has lower-case names, `now` is CLOCK_MONOTONIC."""
    try:
        path = urlsplit(target).path
    except ValueError:
        return told(HTTPStatus.BAD_REQUEST, "the target of the request is no address")
    if path not in _ROUTES:
        return told(HTTPStatus.NOT_FOUND, f"there are {', '.join(_ROUTES)}")
    if method not in ("GET", "HEAD"):
        return told(HTTPStatus.METHOD_NOT_ALLOWED, "there are GET and HEAD", Allow="GET, HEAD")
    return _ROUTES[path](headers, pages, now)


def _metrics(headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    form = metrics_format(headers.get("accept", ""))
    zipped = takes_gzip(headers.get("accept-encoding", ""))
    body, length = {
        Format.TEXT: (pages.text_gzip, pages.text_bytes),
        Format.OPENMETRICS: (pages.openmetrics_gzip, pages.openmetrics_bytes),
    }[form]
    kind = {"Content-Type": form.value, "Vary": "Accept, Accept-Encoding"}
    if zipped:
        return Reply(HTTPStatus.OK, kind | {"Content-Encoding": "gzip"}, body)
    return Reply(HTTPStatus.OK, kind, body, unpacked=length)


def _healthy(headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    return told(HTTPStatus.OK, "immapscope is healthy")


def _ready(headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    if pages.fresh_until is None:
        return told(HTTPStatus.SERVICE_UNAVAILABLE, "there is no snapshot yet")
    if now > pages.fresh_until:
        return told(HTTPStatus.SERVICE_UNAVAILABLE, "the last snapshot is stale")
    return told(HTTPStatus.OK, "immapscope is ready")


def _landing(headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    kind = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }
    return Reply(HTTPStatus.OK, kind, pages.landing)


def _live(headers: Mapping[str, str], pages: Pages, now: float) -> Reply:
    if not pages.ready:
        return told(HTTPStatus.SERVICE_UNAVAILABLE, "there is no snapshot yet")
    common = {"ETag": pages.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if pages.tag in (one.strip() for one in headers.get("if-none-match", "").split(",")):
        return Reply(HTTPStatus.NOT_MODIFIED, common, b"")
    zipped = takes_gzip(headers.get("accept-encoding", ""))
    encoding = {"Content-Encoding": "gzip"} if zipped else {}
    kind = {"Content-Type": "application/json"}
    body = pages.live_gzip if zipped else pages.live
    return Reply(HTTPStatus.OK, kind | common | encoding, body)


_ROUTES = {
    "/": _landing,
    "/live.json": _live,
    "/metrics": _metrics,
    "/-/healthy": _healthy,
    "/-/ready": _ready,
}
