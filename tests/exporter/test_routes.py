# SPDX-License-Identifier: GPL-2.0-or-later
"""What is answered to which request."""

from __future__ import annotations

import gzip
from dataclasses import replace
from http import HTTPStatus

import pytest

from immapscope.exporter import Pages
from immapscope.exporter.routes import route

TEXT, OPEN = b"text" * 99, b"openmetrics" * 99
TEXT_GZ, OPEN_GZ = gzip.compress(TEXT, mtime=0), gzip.compress(OPEN, mtime=0)
PAGES = Pages(TEXT_GZ, len(TEXT), OPEN_GZ, len(OPEN), b"<html>", fresh_until=100.0)
OPENMETRICS = {"accept": "application/openmetrics-text"}
GZIP = {"accept-encoding": "gzip"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, TEXT),
        (GZIP, TEXT_GZ),
        (OPENMETRICS, OPEN),
        (OPENMETRICS | GZIP, OPEN_GZ),
    ],
)
def test_metrics_come_in_the_form_that_was_asked_for(headers: dict[str, str], body: bytes) -> None:
    reply = route("GET", "/metrics?name[]=x", headers, PAGES, now=0.0)
    assert (reply.status, b"".join(reply.pieces(64))) == (HTTPStatus.OK, body)
    assert all(len(piece) <= 64 for piece in reply.pieces(64))
    assert reply.length == len(body)
    assert ("openmetrics" in reply.headers["Content-Type"]) == (body in (OPEN, OPEN_GZ))
    assert (reply.headers.get("Content-Encoding") == "gzip") == (body in (TEXT_GZ, OPEN_GZ))
    assert reply.headers["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize(
    ("fresh_until", "status"),
    [
        (None, HTTPStatus.SERVICE_UNAVAILABLE),
        (99.0, HTTPStatus.SERVICE_UNAVAILABLE),
        (101.0, HTTPStatus.OK),
    ],
)
def test_it_is_ready_while_there_is_a_fresh_snapshot(
    fresh_until: float | None, status: HTTPStatus
) -> None:
    pages = replace(PAGES, fresh_until=fresh_until)
    assert route("GET", "/-/ready", {}, pages, now=100.0).status is status
    assert route("GET", "/-/healthy", {}, pages, now=100.0).status is HTTPStatus.OK
    assert route("GET", "/metrics", {}, pages, now=100.0).status is HTTPStatus.OK


def test_the_page_for_people_may_load_nothing() -> None:
    reply = route("GET", "/", {}, PAGES, now=0.0)
    assert reply.body == b"<html>"
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nothing", HTTPStatus.NOT_FOUND),
        ("GET", "/metrics/", HTTPStatus.NOT_FOUND),
        ("POST", "/nothing", HTTPStatus.NOT_FOUND),
        ("GET", "*", HTTPStatus.NOT_FOUND),
        ("GET", "http://[", HTTPStatus.BAD_REQUEST),
        ("GET", "http://anywhere/metrics", HTTPStatus.OK),
        ("HEAD", "/metrics", HTTPStatus.OK),
        ("OPTIONS", "/metrics", HTTPStatus.METHOD_NOT_ALLOWED),
    ],
)
def test_other_requests(method: str, target: str, status: HTTPStatus) -> None:
    assert route(method, target, {}, PAGES, now=0.0).status is status


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    assert route("DELETE", "/", {}, PAGES, now=0.0).headers["Allow"] == "GET, HEAD"
