# SPDX-License-Identifier: GPL-2.0-or-later
"""The Prometheus exporter: interval snapshots in, rendered pages and an HTTP server out."""

from __future__ import annotations

from immapscope.exporter.connection import Timeouts
from immapscope.exporter.exporter import Exporter
from immapscope.exporter.limits import Limits
from immapscope.exporter.pages import Pages
from immapscope.exporter.server import Server
from immapscope.exporter.status import Status

__all__ = ["Exporter", "Limits", "Pages", "Server", "Status", "Timeouts"]
