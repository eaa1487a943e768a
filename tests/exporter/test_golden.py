# SPDX-License-Identifier: GPL-2.0-or-later
"""What a whole scrape looks like, to the byte, and what Prometheus' own linter says of it."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess

import pytest

from tests.exporter.machines import STATUS, an_exporter, interval, wait
from tests.exporter.scraped import GOLDEN, HOSTILE, pages


@pytest.mark.parametrize("name", pages())
def test_the_page_is_the_golden_one(name: str) -> None:
    assert pages()[name] == (GOLDEN / name).read_bytes()


def test_no_golden_page_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(pages())


def test_the_compressed_pages_are_the_plain_ones() -> None:
    found = an_exporter().pages
    assert gzip.decompress(found.text_gzip) == found.text
    assert gzip.decompress(found.openmetrics_gzip) == found.openmetrics


def test_bytes_that_are_not_utf8_and_control_characters_are_escaped_in_labels() -> None:
    exporter = an_exporter()
    exporter.observe(interval([wait(HOSTILE, 1)]), STATUS)
    label = rb'file="\\x1b[31m\"q\"\\x5cn\\x0a\\xff ' + "é".encode() + b'"'
    assert label in exporter.pages.text
    assert label in exporter.pages.openmetrics


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(
    PROMTOOL is None and not os.environ.get("REQUIRE_PROMTOOL"),
    reason="promtool is missing (Debian: prometheus); REQUIRE_PROMTOOL=1 makes that a failure",
)
@pytest.mark.parametrize("name", [name for name in pages() if name.endswith(".txt")])
def test_promtool_finds_nothing_wrong(name: str) -> None:
    assert PROMTOOL is not None, "promtool is missing"
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=pages()[name], capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
