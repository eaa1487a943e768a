# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec

from immapscope.errors import UsageError


def needed(module: str, extra: str) -> None:
    """Raises UsageError where `module`, of the extra `extra` (pyproject.toml), is not installed."""
    if find_spec(module) is None:
        raise UsageError(
            f"this needs the Python package {module}: pip install 'immapscope[{extra}]', "
            "or use the .venv that `make venv` makes"
        )
