# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of kernel/ share."""

import pytest

from tests.kernel.saved import STOCK, SavedKernel


@pytest.fixture(scope="session", params=STOCK)
def stock(request: pytest.FixtureRequest) -> SavedKernel:
    """Each stock kernel in turn."""
    return SavedKernel(request.param)
