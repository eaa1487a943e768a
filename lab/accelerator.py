# SPDX-License-Identifier: GPL-2.0-or-later
"""What executes a guest's instructions: KVM where it has been seen to work, else QEMU itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import cache, tsc
from lab.kernel import Kernel
from lab.qemu import Qemu

# Measured, boot and import of bcc: Haswell 8.7 s, Nehalem 10.4 s, max 10.2 s. Having no five-level
# paging, its kernel pointers look as on nearly every machine. TCG lacks the features taken away.
_CPU = ("-cpu", "Haswell-v4,-pcid,-invpcid,-tsc-deadline,-spec-ctrl")
EMULATED = ("-accel", "tcg,thread=multi", *_CPU)
COUNTED = ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", *_CPU)
HARDWARE = ("-accel", "kvm", "-cpu", "host")
PROBE_SECONDS = 8


def find(qemu: Qemu, kernel: Kernel, icount: bool) -> tuple[str, ...]:
    """QEMU's arguments; `icount` makes guest time count instructions, which KVM cannot."""
    if icount:
        return COUNTED
    return HARDWARE if _kvm_works(qemu, kernel) else EMULATED


def clock(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Words for the kernel's command line that keep its clock right on this accelerator."""
    return (f"tsc_early_khz={tsc.kilohertz()}",) if chosen == EMULATED else ()


def _kvm_works(qemu: Qemu, kernel: Kernel) -> bool:
    """Whether a guest boots on KVM: its device may be there, open, and hang all that use it.

    Probed once for each host kernel and QEMU, and remembered.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False

    def probe(folder: Path) -> None:
        print(f"lab: trying KVM for at most {PROBE_SECONDS} s, once", file=sys.stderr)
        (folder / "verdict").write_text("works" if _boots_on_kvm(qemu, kernel) else "hangs")

    name = cache.key(*os.uname(), *qemu.command)
    return (cache.entry("kvm", name, probe) / "verdict").read_text() == "works"


def _boots_on_kvm(qemu: Qemu, kernel: Kernel) -> bool:
    command = [*qemu.command, *HARDWARE, "-nodefaults", "-no-user-config", "-no-reboot"]
    command += ["-display", "none", "-m", "512M", "-serial", "stdio"]
    # Without a root file system it panics, which ends it: having come so far is the answer.
    command += ["-kernel", str(kernel.bzimage), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return b"Linux version" in done.stdout and b"Kernel panic" in done.stdout
