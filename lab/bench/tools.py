# SPDX-License-Identifier: GPL-2.0-or-later
"""The other tools, unpacked beside the guest's image: libbpf's klockstat, and perf."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lab import cache, debian, image

#: Contenders of guest/measure.py that are not ours.
CONTENDERS: Final = ("bpftrace-waits", "bpftrace-acquisitions", "perf-record", "klockstat")
#: Those for a storm: what counts acquisitions knows no waits.
OF_WAITS: Final = ("bpftrace-waits", "perf-record", "klockstat")
PACKAGES = ("libbpf-tools", "linux-perf", "libc6")


def find() -> Path:
    """A folder `tools` with them and their libraries, of the suite that the guest is of."""

    def fill(folder: Path) -> None:
        root = debian.AptRoot(image.SUITE)
        root.update()
        (folder / "tools").mkdir()
        root.unpack(list(PACKAGES), folder / "tools", closure=True)

    return cache.entry("bench", f"tools-{image.SUITE}", fill) / "tools"
