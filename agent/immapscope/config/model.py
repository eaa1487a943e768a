# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration of the daemon. config.yaml has every key with its default and its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from immapscope.config.fields import FilePath, ListenAddress, Seconds, Whos
from immapscope.config.sections import Section
from immapscope.settings import Address
from immapscope.snapshot import Mode


class Files(Section):
    """Which files have counters of their own in the kernel, and for how long."""

    tracked: Annotated[int, Field(ge=2, le=65536)] = 1024
    idle_after: Annotated[Seconds, Field(ge=1)] = 600.0


class Kernel(Section):
    """How many tasks and locks the kernel side has room for at once."""

    waiting: Annotated[int, Field(ge=1, le=1 << 20)] = 16384
    held: Annotated[int, Field(ge=1, le=1 << 20)] = 16384


class Exporter(Section):
    """What Prometheus is served, and how."""

    listen: ListenAddress = Address("127.0.0.1", 10264)
    web_config_file: FilePath | None = None
    max_series: Annotated[int, Field(ge=1_000, le=1_000_000)] = 10_000
    remembered_files: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    max_connections: Annotated[int, Field(ge=1, le=512)] = 64


class Log(Section):
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """The whole configuration; `Config()` is config.yaml. Durations are seconds."""

    mode: Annotated[Mode, Field(strict=False)] = Mode.CONTENTION
    attach: Literal["mixed", "fentry", "kprobe"] = "mixed"
    tree_operations: bool = True
    interval: Annotated[Seconds, Field(ge=1, le=3600)] = 15.0
    inodes: Whos = ()
    files: Files = Files()
    kernel: Kernel = Kernel()
    exporter: Exporter = Exporter()
    log: Log = Log()
