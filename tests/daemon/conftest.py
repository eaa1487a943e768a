# SPDX-License-Identifier: GPL-2.0-or-later
"""A service's surroundings, and what it publishes there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from immapscope.daemon import logs
from immapscope.exporter import Exporter, Status
from immapscope.snapshot import Snapshot
from tests.daemon.services import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A machine that can be traced; its configuration is the default one."""
    handlers, level, propagates = logs.LOG.handlers[:], logs.LOG.level, logs.LOG.propagate
    world = World(monkeypatch, tmp_path)
    world.write("interval: 15s\n")
    yield world
    logs.LOG.handlers[:], logs.LOG.propagate = handlers, propagates
    logs.LOG.setLevel(level)


@pytest.fixture
def published(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """What was said with each snapshot."""
    statuses: list[Status] = []
    observe = Exporter.observe

    def noted(exporter: Exporter, interval: Snapshot, status: Status) -> None:
        statuses.append(status)
        observe(exporter, interval, status)

    monkeypatch.setattr(Exporter, "observe", noted)
    return statuses
