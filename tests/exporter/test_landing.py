# SPDX-License-Identifier: GPL-2.0-or-later
"""The page for people."""

from __future__ import annotations

from dataclasses import replace

from tests.exporter.machines import MS, STATUS, an_exporter, inode, interval, wait


def page(*intervals: int) -> str:
    exporter = an_exporter()
    for wait_ns in intervals:
        exporter.observe(interval([wait(inode(1), wait_ns)]), STATUS)
    return exporter.pages.landing.decode()


def test_it_names_the_kernel_the_mode_and_the_files_that_waited() -> None:
    told = page(MS, 2 * MS)
    assert "Linux 6.12.90+deb13-cloud-amd64, layout single" in told
    assert "contention mode" in told
    assert "<td>lib1.so</td><td>254:0:1</td><td>3.00 ms</td><td>2</td>" in told


def test_it_says_that_there_is_nothing_yet() -> None:
    assert "No snapshot yet" in page()


def test_names_cannot_add_to_the_page() -> None:
    exporter = an_exporter()
    name = "<script>alert(1)</script>\x1b\udcff"
    evil = interval([wait(inode(1, name), MS)])
    kernel = replace(evil.kernel, release="<b>")
    exporter.observe(replace(evil, kernel=kernel), STATUS)
    told = exporter.pages.landing.decode()
    # The page's own.
    assert told.count("<script") == 1
    assert "<b>" not in told
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b\\xff" in told


def test_the_hottest_files_come_first() -> None:
    exporter = an_exporter()
    exporter.observe(interval(wait(inode(n), n * MS) for n in range(1, 21)), STATUS)
    told = exporter.pages.landing.decode()
    assert told.index("lib20.so") < told.index("lib11.so")
    assert "lib10.so" not in told
