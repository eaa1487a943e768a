# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus, promtool and Alertmanager, each run until its `with` block ends.

They are those that `python3 -m lab.monitoring` fetched, or else those that this machine has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Self

from lab import monitoring

#: Debian calls it prometheus-alertmanager, everyone else alertmanager.
ALERTMANAGER: Final = ("prometheus-alertmanager", "alertmanager")

_LISTENING: Final = re.compile(r"Listening on.*?address=\W*([0-9.]+:[0-9]+)")


class HostError(Exception):
    """A program that is not there, or did not do what it was started for; with its last words."""


def program(*names: str) -> str:
    """The path of the first of these that there is. Raises HostError for none."""
    fetched = monitoring.cached()
    folders = [str(fetched)] if fetched else []
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    for name in names:
        found = shutil.which(name, path=path)
        if found is not None:
            return found
    raise HostError(f"{names[0]} is not there: python3 -m lab.monitoring fetches it")


class Daemon:
    """A program that serves HTTP on a port of loopback that it chooses, and logs which."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,
            )
        try:
            self.address = self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            listening = _LISTENING.search(self._log.read_text(errors="replace"))
            if listening and _is_ready(listening[1]):
                return listening[1]
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.05)
        said = self._log.read_text(errors="replace")[-2000:]
        raise HostError(f"{self._command[0]} did not become ready; it said: {said}")


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=10):
            return True
    except OSError:
        return False


def prometheus(folder: Path, config: str) -> Daemon:
    """A Prometheus with this configuration, its data in `folder`/data."""
    (folder / "prometheus.yaml").write_text(config, encoding="utf-8")
    return Daemon(
        [
            program("prometheus"),
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/data",
            "--web.listen-address=127.0.0.1:0",
        ],
        folder / "prometheus.log",
    )


def _with_templates(folder: Path) -> list[str]:
    """Debian's looks for templates in one place only: there, for it alone, are those unpacked."""
    if Path("/usr/share/prometheus").exists():
        return []
    share = folder / "share"
    share.mkdir()
    (share / "prometheus").symlink_to(monitoring.folder() / monitoring.SHARE)
    command = 'mount --bind "$0" /usr/share && exec "$@"'
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", command, str(share)]


def alertmanager(folder: Path, config: str) -> Daemon:
    """An Alertmanager with this configuration, alone."""
    (folder / "alertmanager.yaml").write_text(config, encoding="utf-8")
    return Daemon(
        [
            *_with_templates(folder),
            program(*ALERTMANAGER),
            f"--config.file={folder}/alertmanager.yaml",
            f"--storage.path={folder}/alertmanager",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ],
        folder / "alertmanager.log",
    )


def backfill(folder: Path, lines: Iterable[str]) -> None:
    """Writes samples (`name{labels} value seconds`) as blocks that a Prometheus in `folder` reads.

    The samples of one series must be in order of time. Not while that Prometheus runs.
    """
    source = folder / "backfill.openmetrics"
    with source.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line}\n")
        file.write("# EOF\n")
    done = subprocess.run(
        [
            program("promtool"),
            *("tsdb", "create-blocks-from", "openmetrics"),
            *(str(source), str(folder / "data")),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise HostError(f"promtool could not backfill: {done.stdout}{done.stderr}")
