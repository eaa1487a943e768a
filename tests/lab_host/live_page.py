# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.lab_host.live_page [FOLDER]: the live page of a daemon in a guest, in Chromium.

The guest is of the kernel with a tree a node, and its load is changed twice: it must be there to be
seen, without the page being loaded again. With FOLDER pictures come into it. Needs chromium and
chromium-driver.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from tests.exporter import browser
from tests.exporter.browser import text
from tests.lab_host.change_of_kernel import say
from tests.lab_host.regression import Guest, booted

_FILE: Final = "libhot.so"
#: Seconds of each load: a trend of a dozen snapshots.
_LOAD: Final = 60
#: Sizes of the windows whose pictures are kept.
_PICTURES: Final = {"live-guest": (1200, 1250), "live-guest-phone": (360, 1500)}


def main(folder: str | None = None) -> int:
    """0 if the page showed what was done to the guest."""
    with booted("split") as guest:
        url = f"http://{guest.target}/"
        with browser.chromium(*_PICTURES["live-guest"]) as window:
            look(window, guest, url)
            if folder:
                window.save_screenshot(str(Path(folder) / "live-guest.png"))
        with browser.chromium(*_PICTURES["live-guest-phone"]) as phone:
            phone.get(url)
            until(phone, lambda: _FILE in text(phone, "files"))
            if folder:
                phone.save_screenshot(str(Path(folder) / "live-guest-phone.png"))
    return 0


def look(window: Chrome, guest: Guest, url: str) -> None:
    """Raises where the page does not show what goes on."""
    guest.phase("mappers")
    window.get(url)
    until(window, lambda: f"Hottest: {_FILE}" in text(window, "state"))
    time.sleep(_LOAD)
    mapped = text(window, "causes")
    assert "mmap" in mapped, mapped
    assert text(window, "shards"), "no shards of a kernel with a tree a node"
    window.execute_script("window.kept = true")
    guest.phase("walker")
    until(window, lambda: "truncate" in text(window, "causes"))
    time.sleep(_LOAD)
    # It is the same page still, which was told of it.
    assert window.execute_script("return window.kept === true")
    told = window.get_log("browser")  # type: ignore[no-untyped-call]
    assert told == [], told
    say(f"hottest: {text(window, 'state')}")


def until(window: Chrome, seen: Callable[[], bool]) -> None:
    """Waits for it, three minutes at most."""
    WebDriverWait(window, 180, poll_frequency=0.5).until(lambda _: seen())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
