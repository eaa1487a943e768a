# SPDX-License-Identifier: GPL-2.0-or-later
"""A scrape only sends what was rendered: how long that takes at the limit of series."""

from __future__ import annotations

import time

import pytest

from tests.exporter.bench import scrapes
from tests.exporter.machines import STATUS, an_exporter, everywhere, inode, interval, lines


def test_a_scrape_at_the_limit_takes_no_time_to_speak_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exporter = an_exporter()
    rows = [row for number in range(1, 20) for row in everywhere(inode(number), 999, 12, 2)]
    exporter.observe(interval(rows), STATUS)
    assert lines(exporter.pages.text) > 9_000
    medians = scrapes(exporter, times=20, clock=time.process_time)
    with capsys.disabled():
        told = ", ".join(f"{name} {median:.1f} ms" for name, median in medians.items())
        print(f"\nmedian scrape of {lines(exporter.pages.text):,} lines: {told} of CPU")
    assert max(medians.values()) < 50
