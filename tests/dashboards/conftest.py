# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that need Prometheus are skipped without it, unless REQUIRE_PROMTOOL is set."""

from __future__ import annotations

import os

import pytest

from tests.lab_host.programs import HostError, program


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool; the server comes with it."""
    try:
        program("prometheus")
        return program("promtool")
    except HostError as error:
        if os.environ.get("REQUIRE_PROMTOOL"):
            pytest.fail(f"REQUIRE_PROMTOOL is set, but {error}")
        pytest.skip(str(error))
