# SPDX-License-Identifier: GPL-2.0-or-later
"""Which format a client is sent."""

from __future__ import annotations

import pytest

from immapscope.exporter.negotiation import Format, metrics_format, takes_gzip

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        "application/openmetrics-text",
        'Application/OpenMetrics-Text ; Version="1.0.0"',
        "text/plain;q=0.2, application/openmetrics-text;q=0.3",
        "text/html, application/openmetrics-text; version=1.0.0",
    ],
)
def test_openmetrics_for_who_prefers_it(accept: str) -> None:
    assert metrics_format(accept) is Format.OPENMETRICS


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text;q=0.1, text/plain;q=0.2",
        "text/plain, application/openmetrics-text",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0;q=1, text/plain;q=0.1",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=much",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        ";;,=,q=",
    ],
)
def test_text_for_everybody_else(accept: str) -> None:
    assert metrics_format(accept) is Format.TEXT


@pytest.mark.parametrize("accept", ["gzip", "deflate, gzip;q=0.1", "GZIP", "*", "br, *;q=0.5"])
def test_gzip_for_who_takes_it(accept: str) -> None:
    assert takes_gzip(accept)


@pytest.mark.parametrize("accept", ["", "identity", "deflate, br", "gzip;q=0", "*, gzip;q=0"])
def test_no_gzip_for_who_does_not(accept: str) -> None:
    assert not takes_gzip(accept)
