# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU boots, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.errors import UsageError


@dataclass(frozen=True)
class Kernel:
    """`modules` is an ext4 image for /lib/modules, None where there are none."""

    release: str
    bzimage: Path
    modules: Path | None


class Origin(Protocol):
    """Where the kernel of one name comes from."""

    def kernel(self, update: bool) -> Kernel:
        """The kernel, made or fetched at need; `update` asks whoever publishes it anew."""


def release_of(bzimage: Path) -> str:
    """What uname -r will say, read from the boot header.

    Documentation/arch/x86/boot.rst: magic "HdrS" at 0x202, kernel_version at 0x20e.
    """
    data = bzimage.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise UsageError(f"{bzimage} is not a bzImage")
    start = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    text = data[start : data.index(b"\0", start)]
    return text.split(b" ")[0].decode(errors="replace")
