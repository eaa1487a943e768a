# SPDX-License-Identifier: GPL-2.0-or-later
"""What every output looks like, to the byte."""

from __future__ import annotations

import pytest

from tests.outputs.rendered import GOLDEN, renderings


@pytest.mark.parametrize("name", renderings())
def test_the_output_is_the_golden_one(name: str) -> None:
    assert renderings()[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_no_golden_output_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(renderings())
