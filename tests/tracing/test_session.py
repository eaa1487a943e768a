# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session refuses before anything is compiled."""

from __future__ import annotations

import pytest

from immapscope.errors import CannotTraceError
from immapscope.snapshot import Mode
from immapscope.tracing.request import Request
from immapscope.tracing.session import Session
from tests.kernel.saved import SavedKernel
from tests.tracing.fakes import MACHINE


@pytest.mark.parametrize("layout", ["split", "inverted"])
def test_where_locks_must_be_learnt_tree_operations_are_traced(layout: str) -> None:
    kernel = SavedKernel(layout)
    request = Request(Mode.CONTENTION, tree_operations=False)
    with pytest.raises(CannotTraceError, match=f"in layout {layout} it is by them"):
        Session(kernel.model, kernel.symbols, MACHINE, request)
