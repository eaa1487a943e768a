# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.errors import UsageError
from lab.kernel import Kernel, Origin, release_of
from lab.kernels.own import DEBUG, FAMILIES, LOCK_STAT, Own
from lab.stock import Stock

DEFAULT = "stock-6.12"
REGISTRY: Mapping[str, Origin] = {
    "stock-6.1": Stock("6.1", ("bookworm",)),
    "stock-6.12": Stock("6.12", ("trixie",)),
    "stock-7.x": Stock("7", ("trixie-backports", "sid")),
    **{name: Own(name) for name in FAMILIES},
    **{f"{name}{DEBUG}": Own(name, DEBUG) for name in FAMILIES},
    f"single{LOCK_STAT}": Own("single", LOCK_STAT),
}


def find(name: str, update: bool = False) -> Kernel:
    """The kernel of that name, or the bzImage of that path; UsageError where there is neither."""
    if origin := REGISTRY.get(name):
        return origin.kernel(update)
    path = Path(name)
    if path.is_file():
        return Kernel(release_of(path), path.absolute(), None)
    raise UsageError(f"unknown kernel {name}; known: {', '.join(REGISTRY)}, or a bzImage's path")
