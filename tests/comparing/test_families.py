# SPDX-License-Identifier: GPL-2.0-or-later
"""However many parts there are, chance has one try in 20."""

from __future__ import annotations

import pytest

from immapscope.comparing.families import holm


def test_many_parts_are_corrected_for_how_many_they_are() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
