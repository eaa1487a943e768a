# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium without a screen, and a server of the exporter for it to look at."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

_QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-color-profile=srgb",
)  # fmt: skip


@contextmanager
def chromium(
    width: int = 1200, height: int = 1500, options: Sequence[str] = ()
) -> Iterator[Chrome]:
    """A window of that size, with a profile of its own."""
    assert CHROMIUM is not None
    assert DRIVER is not None
    with tempfile.TemporaryDirectory() as profile:
        chosen = ChromeOptions()
        chosen.binary_location = CHROMIUM
        for option in (*_QUIET, *options):
            chosen.add_argument(option)
        chosen.add_argument(f"--user-data-dir={Path(profile) / 'profile'}")
        # Else a phone's width is not to be had: a window has a least one.
        if width < 500:
            metrics = {"width": width, "height": height, "pixelRatio": 2.0}
            chosen.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
        driver = Chrome(options=chosen, service=Service(executable_path=DRIVER))
        try:
            driver.set_window_size(width, height)
            yield driver
        finally:
            driver.quit()


def text(window: Chrome, element: str) -> str:
    """What a person can read of an element of the page; nothing of one that is hidden."""
    found = window.execute_script(
        "const e = document.getElementById(arguments[0]); return e.hidden ? '' : e.innerText",
        element,
    )
    return str(found)
