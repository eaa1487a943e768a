# SPDX-License-Identifier: GPL-2.0-or-later
"""These tests run inside a guest: `lab/vm --kernel NAME --file PROGRAM... -- pytest tests/lab`.

The working directory holds the compiled workloads. A traced session costs some fifteen seconds
under emulation, so a module shares one among its tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

GUEST_MARK = Path("/lab/checkout")


class AtOnce:
    """A failure is told when it happens: a guest that is ended may not come to its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After the letter of a test that failed, or of a fixture."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write(f"\n{report.nodeid}, {report.when}:\n{report.longreprtext}\n")


def pytest_configure(config: pytest.Config) -> None:
    for marker in (
        "core: belongs to `make test`; the rest to `make test-lab`",
        "forced_attach: --attach fentry is exact only where the kernel does not preempt",
        "long: minutes of stress, for `make soak`",
    ):
        config.addinivalue_line("markers", marker)
    if not GUEST_MARK.is_dir():
        raise pytest.UsageError("tests/lab traces the kernel that it runs on: run it by lab/vm")
    config.pluginmanager.register(AtOnce(config))
