# SPDX-License-Identifier: GPL-2.0-or-later
"""`make install` and `make uninstall` as a person types them, and the service in between.

tests/lab_host/installed.py starts this: it brings a clone, and the wheels that no network brings.
"""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CLONE, WHEELS = Path("clone").absolute(), Path("wheels").absolute()
PROGRAM = Path("/usr/local/bin/immapscope")
CONFIG = Path("/etc/immapscope/config.yaml")
UNIT = Path("/etc/systemd/system/immapscope.service")
PLACES = (Path("/usr/local"), Path("/etc"))
#: The lab's own program of that name stands where the installed one goes.
ASIDE = PROGRAM.with_name("immapscope.lab")

pytestmark = pytest.mark.skipif(not CLONE.is_dir(), reason="needs tests.lab_host.installed")


def make(target: str) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}
    settings |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "HOME": "/root"}
    done = subprocess.run(
        ["make", target], cwd=CLONE, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def files() -> set[str]:
    """All that is there, folders too."""
    return {str(path) for place in PLACES for path in place.rglob("*")}


def metric(name: str) -> float | None:
    """Its value as it is served, None where nothing is."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:10264/metrics", timeout=60) as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return None
    return float(found[1]) if found else None


def serves() -> bool:
    return (metric("immap_probes_attached") or 0) > 0


@pytest.fixture(scope="module")
def before() -> Iterator[set[str]]:
    """What there was before anything was installed."""
    PROGRAM.rename(ASIDE)
    yield files()
    ASIDE.rename(PROGRAM)


@pytest.fixture(scope="module")
def installed(before: set[str]) -> Iterator[None]:
    said = make("install").stderr
    assert said.rstrip().endswith("start it: systemctl enable --now immapscope"), said
    yield
    make("uninstall")
    assert files() == before


@pytest.mark.usefixtures("installed")
def test_it_starts_as_it_says_and_serves() -> None:
    systemctl("enable", "--now", "immapscope")
    deadline = time.monotonic() + 300
    while not serves() and time.monotonic() < deadline:
        time.sleep(1)
    assert serves(), subprocess.run(["journalctl", "-u", "immapscope"], capture_output=True)
    assert systemctl("is-active", "immapscope") == "active"
    assert systemctl("is-enabled", "immapscope") == "enabled"


@pytest.mark.usefixtures("installed")
def test_the_program_traces_from_anywhere_without_the_clone() -> None:
    CLONE.rename(CLONE.with_name("moved"))
    try:
        traced = subprocess.run(
            [PROGRAM, "trace", "--format", "csv", "--", "/bin/true"],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        CLONE.with_name("moved").rename(CLONE)
    assert traced.returncode == 0, traced.stderr
    assert "libc.so.6" in traced.stdout


@pytest.mark.usefixtures("installed")
def test_a_second_install_keeps_an_edited_configuration_and_wants_a_restart() -> None:
    shipped = CONFIG.read_text()
    CONFIG.write_text("interval: 2s\n")
    said = make("install").stderr
    assert f"{CONFIG} was edited and stays" in said
    assert "start it: systemctl restart immapscope" in said
    assert CONFIG.read_text() == "interval: 2s\n"
    # What runs is the agent before: a reload would mix the two.
    assert metric("immap_config_last_reload_successful") == 1
    systemctl("reload", "immapscope")
    deadline = time.monotonic() + 60
    while metric("immap_config_last_reload_successful") != 0 and time.monotonic() < deadline:
        time.sleep(1)
    assert metric("immap_config_last_reload_successful") == 0
    systemctl("restart", "immapscope")
    assert systemctl("is-active", "immapscope") == "active"
    CONFIG.write_text(shipped)


@pytest.mark.usefixtures("installed")
def test_the_unit_is_that_of_the_clone() -> None:
    assert UNIT.read_bytes() == (CLONE / "systemd/immapscope.service").read_bytes()
