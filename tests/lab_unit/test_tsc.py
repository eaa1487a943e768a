# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from lab import accelerator, tsc


def test_the_counters_rate_is_the_same_each_time() -> None:
    assert tsc.kilohertz() == pytest.approx(tsc.kilohertz(), rel=0.02)


def test_only_an_emulated_guest_is_told_the_rate() -> None:
    assert accelerator.clock(accelerator.EMULATED)[0].startswith("tsc_early_khz=")
    assert accelerator.clock(accelerator.COUNTED) == ()
    assert accelerator.clock(accelerator.HARDWARE) == ()
