# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of a live test: Prometheus and Alertmanager watch an agent, a pager listens.

with Watch(folder, "127.0.0.1:19100") as watch:
    watch.restart_with_past(watch.calm("libc.so.6", 120))
    ...  # make it worse
    page = watch.fires("ImmapWaitRegressionCost", {"file": "libc.so.6"}, 180)
    assert "node 2" in page.annotations["summary"]
    ...  # make it good again
    watch.resolves("ImmapWaitRegressionCost", {"file": "libc.so.6"}, 180)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dashboards import generate, names
from dashboards.query import Prometheus
from dashboards.thresholds import load, seconds
from tests.lab_host.programs import Daemon, HostError, alertmanager, backfill, prometheus
from tests.lab_host.webhook import Notice, Pager

SHORT_WINDOWS: Final = Path(__file__).with_name("thresholds.yaml")
_SCRAPE: Final = 5


@dataclass(frozen=True, slots=True)
class Calm:
    """A file as it is when all is well: seconds waited for each operation, operations a second."""

    file: str
    cost: float
    operations: float


class Watch:
    """Prometheus with the shipped rules and an Alertmanager, for one agent at HOST:PORT."""

    def __init__(
        self,
        folder: Path,
        target: str,
        instance: str = "guest",
        thresholds: Sequence[Path] = (SHORT_WINDOWS,),
    ) -> None:
        self.pager = Pager()
        self._folder = folder
        self._target = target
        self._instance = instance
        self._thresholds = load(thresholds)
        self._stack = ExitStack()
        self._prometheus: Daemon | None = None
        self._alertmanager = ""
        self._began = 0.0

    @property
    def api(self) -> Prometheus:
        """What Prometheus knows."""
        assert self._prometheus is not None
        return Prometheus(self._prometheus.address)

    def __enter__(self) -> Self:
        generate.write(self._thresholds, self._folder)
        with ExitStack() as stack:
            stack.enter_context(self.pager)
            config = json.dumps(_alertmanager_config(self.pager.url))
            server = stack.enter_context(alertmanager(self._folder, config))
            self._alertmanager = server.address
            stack.callback(self._stop)
            self._began = time.time()
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def calm(self, file: str, within: float) -> Calm:
        """How the file is now, over the last rate window. Raises HostError if it is idle."""
        cost, operations = (
            f"avg_over_time({name}{{file={json.dumps(file)}}}[{self._thresholds.rate_window}])"
            for name in (names.FILE_COST, names.FILE_OPERATIONS)
        )
        samples = f"count_over_time({names.FILE_COST}{{file={json.dumps(file)}}}[10m])"
        wanted = 2 * seconds(self._thresholds.rate_window) / _SCRAPE
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = self.api.instant(f"{samples} >= {wanted}")
            if found:
                return Calm(
                    file,
                    self.api.instant(cost)[0].last,
                    self.api.instant(operations)[0].last,
                )
            time.sleep(1)
        raise HostError(f"{file} was not busy for a minute in {within:.0f} s: {self.state()}")

    def restart_with_past(self, *calm: Calm) -> None:
        """Prometheus anew, as if each file had been like that for the whole of the baseline."""
        self._stop()
        backfill(self._folder, self._past(calm))
        self._start()

    def fires(self, alert: str, labels: Mapping[str, str], within: float) -> Notice:
        """The alert with these labels, once it was sent. Raises HostError if it is not in time."""
        return self._sent(alert, labels, True, within)

    def resolves(self, alert: str, labels: Mapping[str, str], within: float) -> Notice:
        """The same for its end."""
        return self._sent(alert, labels, False, within)

    def state(self) -> str:
        """What Prometheus has, for the message of a failure."""
        shown = [
            f"{dict(one.labels)} {one.last:g}"
            for expr in (
                "up",
                f"{names.FILE_COST} > 0",
                names.FILE_OPERATIONS,
                names.COST.baseline,
                "ALERTS",
            )
            for one in self.api.instant(expr)
        ]
        return "; ".join(shown)

    def _sent(self, alert: str, labels: Mapping[str, str], firing: bool, within: float) -> Notice:
        def wanted(one: Notice) -> bool:
            same = one.name == alert and one.firing == firing
            return same and labels.items() <= one.labels.items()

        found = self.pager.wait_for(wanted, within)
        if found is None:
            what = "fire" if firing else "resolve"
            raise HostError(f"{alert} {labels} did not {what} in {within:.0f} s: {self.state()}")
        return found

    def _start(self) -> None:
        config = _prometheus_config(
            self._folder, self._target, self._instance, self._thresholds.job, self._alertmanager
        )
        self._prometheus = prometheus(self._folder, json.dumps(config))
        self._prometheus.__enter__()

    def _stop(self) -> None:
        if self._prometheus is not None:
            self._prometheus.__exit__()
            self._prometheus = None

    def _past(self, calm: Sequence[Calm]) -> Iterator[str]:
        # Up to the first sample that Prometheus has of its own.
        step = seconds(self._thresholds.evaluation.baseline)
        at = time.time() - seconds(self._thresholds.regression.baseline)
        while at < self._began - step:
            for one in calm:
                labels = f'job="{self._thresholds.job}",instance="{self._instance}"'
                labels = f"{labels},file={json.dumps(one.file)}"
                yield f"{names.COST.calm}{{{labels}}} {one.cost} {at}"
                yield f"{names.OPERATIONS.calm}{{{labels}}} {one.operations} {at}"
            at += step


def _alertmanager_config(url: str) -> dict[str, object]:
    return {
        "route": {
            "receiver": "pager",
            "group_by": ["..."],
            "group_wait": "1s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "pager", "webhook_configs": [{"url": url, "send_resolved": True}]}],
    }


def _prometheus_config(
    folder: Path, target: str, instance: str, job: str, alertmanager_address: str
) -> dict[str, object]:
    every = f"{_SCRAPE}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [f"{folder}/prometheus/*.yaml"],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [{"targets": [target], "labels": {"instance": instance}}],
            }
        ],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager_address]}]}]},
    }
