# SPDX-License-Identifier: GPL-2.0-or-later
"""The live page in a real browser: Debian's chromium and chromium-driver, skipped without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from immapscope.exporter import Exporter, Server
from immapscope.settings import Address
from tests.exporter.machines import MS, STATUS, an_exporter, inode, interval, wait

pytest.importorskip("selenium")

from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from tests.exporter import browser
from tests.exporter.browser import text

if browser.CHROMIUM is None or browser.DRIVER is None:
    pytest.skip("needs chromium and chromium-driver", allow_module_level=True)

EVIL = "<script>alert(1)</script>"


class Daemon:
    """The exporter behind a server; a restart is another of both on the same port."""

    def __init__(self) -> None:
        self.exporter: Exporter = an_exporter()
        self._port = 0
        self.server = self._start()

    def _start(self) -> Server:
        server = Server(Address("127.0.0.1", self._port), lambda: self.exporter.pages)
        server.start()
        self._port = server.address.port
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def waited(self, name: str, wait_ns: int = MS) -> None:
        """An interval of half a second in which this file was waited for."""
        one = interval([wait(inode(1, name), wait_ns, node=1, holder_node=2)])
        self.exporter.observe(replace(one, duration_ns=500_000_000), STATUS)

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        self.exporter = an_exporter()
        self.server = self._start()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    with browser.chromium() as driver:
        yield driver


@pytest.fixture
def window(chromium: Chrome) -> Iterator[Chrome]:
    """A tab of its own: whatever a test makes of it is gone with it."""
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    yield chromium
    chromium.close()
    chromium.switch_to.window(first)


def until(window: Chrome, what: Callable[[Chrome], Any]) -> Any:
    return WebDriverWait(window, 40, poll_frequency=0.1).until(what)


def test_it_shows_updates_and_survives_a_restart(window: Chrome, daemon: Daemon) -> None:
    daemon.waited("libfirst.so")
    window.get(daemon.url)
    until(window, lambda w: "libfirst.so" in text(w, "files"))
    assert text(window, "static") == ""
    assert "Hottest: libfirst.so" in text(window, "state")
    daemon.waited(EVIL, 5 * MS)
    until(window, lambda w: EVIL in text(w, "files"))
    # It is text: nothing else ran, and nothing else is loaded.
    assert window.execute_script("return document.scripts.length") == 1
    assert window.execute_script("return performance.getEntriesByType('resource').length > 0")
    loaded = window.execute_script(
        "return performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)"
    )
    assert set(loaded) == {daemon.url.rstrip("/")}
    daemon.stop()
    until(window, lambda w: "No answer since" in text(w, "state"))
    daemon.restart()
    daemon.waited("libsecond.so")
    until(window, lambda w: "libsecond.so" in text(w, "files"))
    assert "Hottest: libsecond.so" in text(window, "state")
    assert errors(window) == []


def errors(window: Chrome) -> list[str]:
    """What the console complains of; that the server was away is known."""
    told: list[dict[str, str]] = window.get_log("browser")  # type: ignore[no-untyped-call]
    return [one["message"] for one in told if "ERR_CONNECTION_REFUSED" not in one["message"]]


def test_its_policy_lets_nothing_in_from_outside(window: Chrome, daemon: Daemon) -> None:
    daemon.waited("libc.so.6")
    window.get(daemon.url)
    until(window, lambda w: "libc.so.6" in text(w, "files"))
    refused = window.execute_async_script(
        """
        const done = arguments[arguments.length - 1], seen = [];
        document.addEventListener('securitypolicyviolation', (event) => {
          seen.push(event.effectiveDirective);
          if (seen.length === 3) done(seen.sort());
        });
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        const image = document.createElement('img');
        image.src = 'http://127.0.0.1:9/x.png';
        document.body.append(image);
        fetch('http://127.0.0.1:9/').catch(() => 0);
        """
    )
    assert refused == ["connect-src", "img-src", "script-src-elem"]
    assert window.execute_script("return window.ran === undefined")


def test_without_scripts_it_is_a_table(window: Chrome, daemon: Daemon) -> None:
    daemon.waited(EVIL)
    window.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    window.get(daemon.url)
    body = window.find_element("tag name", "body").text
    assert EVIL in body
    assert "The files that waited most lately" in body
    assert "Behind whom" not in body


def test_a_phone_need_not_scroll_sideways(window: Chrome, daemon: Daemon) -> None:
    daemon.waited("a" * 255)
    phone = {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    window.get(daemon.url)
    until(window, lambda w: "aaaa" in text(w, "files"))
    widths = window.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert widths[0] <= widths[1] == 360
