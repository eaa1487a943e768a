# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon as a service of systemd, under exactly the unit that `make install` installs.

It needs a guest with systemd: lab/vm --init systemd. A start takes some twenty seconds there, since
the compiler is emulated, so most tests share one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

UNIT = Path("/lab/checkout/systemd/immapscope.service")
UNITS = Path("/run/systemd/system")
CONFIG = Path("/etc/immapscope/config.yaml")
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
NAME = "immapscope.service"
CAPABILITIES = ("CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG")

pytestmark = pytest.mark.skipif(not UNITS.parent.is_dir(), reason="needs lab/vm --init systemd")


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def shown(setting: str) -> str:
    return systemctl("show", "--value", "--property", setting, NAME).stdout.strip()


def journal() -> list[str]:
    """What the service itself logged, a message an element."""
    command = ["journalctl", "--output", "cat", "--unit", NAME, "_SYSTEMD_UNIT=" + NAME]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def metric(name: str) -> float:
    """Its value; a counter appears when it is first above 0."""
    with urllib.request.urlopen("http://127.0.0.1:10264/metrics", timeout=60) as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def start() -> None:
    """Start the service and wait for its first reading."""
    started = systemctl("start", NAME)
    assert started.returncode == 0, "\n".join([started.stderr, *journal()])
    assert comes_true(is_ready)


def is_ready() -> bool:
    try:
        with urllib.request.urlopen("http://127.0.0.1:10264/-/ready", timeout=60):
            return True
    except OSError:
        return False


def comes_true(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (came := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return came


def use(drop_in: str = "") -> None:
    """Install the unit, with these lines on top of its own."""
    (UNITS / NAME).write_bytes(UNIT.read_bytes())
    folder = UNITS / f"{NAME}.d"
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text(f"[Service]\n{drop_in}")
    systemctl("daemon-reload")


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The agent's bytecode, which the service's user may not write, and a start is slow without."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "/lab/checkout/agent"], check=True)


@pytest.fixture(autouse=True)
def configuration() -> None:
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text("interval: 1s\n")


@pytest.fixture(scope="module")
def service() -> Iterator[None]:
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text("interval: 1s\n")
    use()
    start()
    yield
    assert systemctl("stop", NAME).returncode == 0


@pytest.mark.usefixtures("service")
def test_it_serves_what_it_traces() -> None:
    assert shown("ActiveState") == "active"
    assert metric("immap_probes_attached") > 0
    subprocess.run(["/bin/true"], check=True)
    assert comes_true(lambda: metric("immap_execs_total") > 0)


@pytest.mark.usefixtures("service")
def test_it_runs_as_nobody_in_particular_with_the_capabilities_of_its_unit() -> None:
    status = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{shown('MainPID')}/status").read_text().splitlines()
    )
    assert "0" not in status["Uid"].split()
    # CAP_SYS_ADMIN, CAP_SYSLOG, CAP_PERFMON and CAP_BPF.
    expected = 1 << 21 | 1 << 34 | 1 << 38 | 1 << 39
    for held in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[held], 16) == expected
    assert status["NoNewPrivs"].strip() == "1"


@pytest.mark.usefixtures("service")
def test_systemd_calls_it_hardly_exposed() -> None:
    command = ["systemd-analyze", "security", "--no-pager", NAME]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert level, said
    assert float(level[1]) <= 3.0


@pytest.mark.usefixtures("service")
def test_each_line_of_the_journal_stands_for_itself() -> None:
    lines = journal()
    assert any(line.startswith("tracing: ") for line in lines)
    assert not any(line.startswith((" ", "Traceback")) for line in lines)


@pytest.mark.usefixtures("service")
def test_a_reload_with_a_bad_configuration_keeps_it_running() -> None:
    assert metric("immap_config_last_reload_successful") == 1
    CONFIG.write_text("interval: [\n")
    assert systemctl("reload", NAME).returncode == 0
    assert comes_true(lambda: metric("immap_config_last_reload_successful") == 0)
    CONFIG.write_text("interval: 1s\n")
    assert systemctl("reload", NAME).returncode == 0
    assert comes_true(lambda: metric("immap_config_last_reload_successful") == 1)
    assert shown("NRestarts") == "0"


def test_after_kill_9_systemd_starts_it_again() -> None:
    use("RestartSec=1")
    start()
    first = shown("MainPID")
    assert systemctl("kill", "--signal", "KILL", NAME).returncode == 0
    assert comes_true(lambda: shown("MainPID") not in (first, "0"), 180)
    assert comes_true(lambda: shown("ActiveState") == "active" and is_ready(), 180)
    assert metric("immap_probes_attached") > 0
    systemctl("stop", NAME)


def test_one_that_hangs_is_started_anew() -> None:
    use("WatchdogSec=20\nTimeoutAbortSec=5\nRestartSec=1")
    start()
    first, restarts = shown("MainPID"), int(shown("NRestarts"))
    assert systemctl("kill", "--signal", "STOP", NAME).returncode == 0
    assert comes_true(lambda: shown("MainPID") not in (first, "0"), 180)
    assert comes_true(lambda: shown("ActiveState") == "active" and is_ready(), 180)
    assert int(shown("NRestarts")) == restarts + 1
    systemctl("stop", NAME)


def test_where_perf_events_are_not_guarded_further_it_needs_no_administrator() -> None:
    PARANOID.write_text("2")
    use(only(CAPABILITIES))
    start()
    assert metric("immap_probes_attached") > 0
    systemctl("stop", NAME)


@pytest.mark.parametrize("missing", CAPABILITIES)
def test_a_capability_that_it_lacks_is_named_and_it_is_not_started_again(missing: str) -> None:
    PARANOID.write_text("2")
    use(only([name for name in CAPABILITIES if name != missing]))
    before = len(journal())
    assert systemctl("start", NAME).returncode != 0
    assert shown("ExecMainStatus") == "3"
    assert shown("ActiveState") == "failed"
    assert [line for line in journal()[before:] if missing in line]


def test_the_administrators_capability_is_named_where_kernels_ask_for_it() -> None:
    PARANOID.write_text("3")
    use(only(CAPABILITIES))
    before = len(journal())
    assert systemctl("start", NAME).returncode != 0
    assert [line for line in journal()[before:] if "CAP_SYS_ADMIN" in line]


def only(capabilities: Sequence[str]) -> str:
    """Lines of a unit that take every capability but these."""
    names = " ".join(capabilities)
    return "".join(
        f"{setting}=\n{setting}={names}\n"
        for setting in ("AmbientCapabilities", "CapabilityBoundingSet")
    )
