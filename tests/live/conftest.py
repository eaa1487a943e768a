# SPDX-License-Identifier: GPL-2.0-or-later
"""Terminals that a test holds the other end of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.ptys import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    """A terminal of 80 columns and 24 lines."""
    made = Pty()
    yield made
    made.close()
