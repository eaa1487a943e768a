# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from contextlib import suppress

import pytest

# Some machines ask Python to keep no bytecode: each worker of pytest would compile every test anew,
# and each process that a test starts the agent.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A guest has no hypothesis, and needs none.
with suppress(ImportError):
    from hypothesis import settings

    # How long an example takes says something about the machine, not about the code.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")

# A guest has no lab. What `make` fetched for tests is theirs wherever they are run from.
with suppress(ImportError):
    from lab import monitoring

    if folder := monitoring.cached():
        os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is made for tests stays to the end: it is not looked through for garbage ever again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged or printed may be no UTF-8, which xdist's workers could not send."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
