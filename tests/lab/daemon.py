# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the daemon as systemd would, and look at what it serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ADDRESS = "127.0.0.1:10264"
Series = tuple[str, tuple[tuple[str, str], ...]]

CONFIG = """\
mode: {mode}
interval: 2s
files: {{tracked: {tracked}, idle_after: {idle_after}}}
exporter: {{listen: "{address}", max_series: {max_series}}}
"""


@dataclass(frozen=True)
class Scrape:
    """One scrape: the value of every series."""

    values: Mapping[Series, float]

    def of(self, name: str, **labels: str) -> dict[Series, float]:
        """The series of that name which have these labels."""
        wanted = set(labels.items())
        return {
            series: value
            for series, value in self.values.items()
            if series[0] == name and wanted <= set(series[1])
        }

    def sum(self, name: str, **labels: str) -> float:
        """Their sum."""
        return sum(self.of(name, **labels).values())

    def files(self) -> set[str]:
        """Every file that has a series of its own."""
        return {dict(labels)["file"] for name, labels in self.of("immap_contended_total")}

    def of_counters(self) -> dict[Series, float]:
        """The series that may only grow."""
        endings = ("_total", "_bucket", "_count", "_sum")
        return {
            series: value
            for series, value in self.values.items()
            if series[0].startswith("immap_") and series[0].endswith(endings)
        }


@dataclass
class Daemon:
    """A daemon that runs, with what it has logged so far."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path
    address: str = ADDRESS
    scrapes: list[Scrape] = field(default_factory=list)

    def scrape(self) -> Scrape:
        """What Prometheus would get now; no counter may have gone back since the last."""
        text = get(f"http://{self.address}/metrics").decode()
        values = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        now = Scrape(values)
        if self.scrapes:
            before, after = self.scrapes[-1].of_counters(), now.of_counters()
            backwards = {
                s: (before[s], after[s]) for s in before.keys() & after if after[s] < before[s]
            }
            assert not backwards
        self.scrapes[:] = [now]
        return now

    def after_readings(self, count: int = 1) -> Scrape:
        """The scrape after so many more readings of the kernel's counters."""
        stamp = "immap_last_snapshot_timestamp_seconds"
        for _ in range(count):
            seen = self.scrape().sum(stamp)
            until(lambda seen=seen: self.scrape().sum(stamp) != seen)  # type: ignore[misc]
        return self.scrapes[-1]

    def memory(self) -> int:
        """Bytes of resident memory at this moment."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match
        return int(match[1]) * 1024

    def lasting_memory(self) -> int:
        """The least within some readings, since what each needs for a moment is given back."""
        least = self.memory()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            time.sleep(0.1)
            least = min(least, self.memory())
        return least

    def logged(self, text: str) -> bool:
        """Whether a line of its log has this."""
        return text in self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Sends it."""
        self.process.send_signal(number)


@contextmanager
def daemon(
    folder: Path,
    *,
    mode: str = "contention",
    tracked: int = 4096,
    idle_after: str = "10m",
    max_series: int = 2_000,
    address: str = ADDRESS,
) -> Iterator[Daemon]:
    """A daemon that has read the counters once; ended with SIGTERM if it still lives."""
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "config.yaml", folder / "log"
    config.write_text(
        CONFIG.format(
            mode=mode, tracked=tracked, idle_after=idle_after, max_series=max_series,
            address=address,
        )
    )  # fmt: skip
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["immapscope", "--config", str(config), "daemon"], stderr=stream, stdout=stream
        )
    running = Daemon(process, config, log, address)
    try:
        until(lambda: is_ready(running), 180)
        yield running
    finally:
        process.terminate()
        status = process.wait(60)
    assert status in (0, -signal.SIGKILL), log.read_text()
    assert "Traceback" not in log.read_text()


def is_ready(running: Daemon) -> bool:
    """Whether it serves a snapshot; fails if it has ended."""
    assert running.process.poll() is None, running.log.read_text()
    try:
        get(f"http://{running.address}/-/ready")
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def inode_label(file: Path) -> str:
    """What the label `inode` says of it."""
    found = file.stat()
    return f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}:{found.st_ino}"


def get(url: str) -> bytes:
    """The body of a reply with status 200."""
    with urllib.request.urlopen(url, timeout=30) as reply:
        assert reply.status == 200
        body = reply.read()
    assert isinstance(body, bytes)
    return body


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)
