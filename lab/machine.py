# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's command line: what hardware a guest sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import forward, image
from lab.forward import Forward
from lab.kernel import Kernel
from lab.topology import Topology

# A guest that takes seconds for what a machine does in milliseconds is not stuck.
PATIENCE = (
    "rcupdate.rcu_cpu_stall_timeout=300",
    "rcupdate.rcu_exp_cpu_stall_timeout=0",
    "nowatchdog",
    "workqueue.watchdog_thresh=0",
    # On a busy host the boot's wait for timer interrupts may end in a panic (1 of 150 boots).
    "no_timer_check",
    # Emulated CPUs share one time stamp counter; any other clock costs an exit for each reading.
    "tsc=reliable",
)


@dataclass(frozen=True)
class Disk:
    """A raw image. A shared one keeps what a guest writes to it to that guest."""

    path: Path
    shared: bool


@dataclass(frozen=True)
class Machine:
    """A guest's hardware, kernel and disks, and which init starts COMMAND."""

    kernel: Kernel
    topology: Topology
    memory_mib: int
    append: str
    accelerator: Sequence[str]
    root: Path
    job: Path
    out: Path
    init: str
    forwards: Sequence[Forward]

    def disks(self) -> list[Disk]:
        """In the order of their NVMe namespaces, which lab/guest/init counts on."""
        disks = [Disk(self.root, True), Disk(self.job, False), Disk(self.out, False)]
        if self.kernel.modules:
            disks.append(Disk(self.kernel.modules, True))
        return disks

    def kernel_command_line(self) -> str:
        """What the user appends comes last and wins."""
        words = ["console=ttyS0", "quiet", "loglevel=4", "panic=-1", "mitigations=off", *PATIENCE]
        words += [f"root=PARTUUID={image.PARTUUID}", "rootwait", "rw"]
        words += [f"init={image.FIRST_PROGRAM}"]
        # What the kernel does not know it hands to init's environment.
        words.append(f"lab_init={self.init}")
        if self.kernel.modules:
            words.append("lab_modules=yes")
        if self.forwards:
            words.append(f"lab_address={forward.GUEST}")
        return " ".join([*words, self.append]).strip()

    def arguments(self, serial: Mapping[str, str]) -> list[str]:
        """All after QEMU's own name; `serial` says to which file each port writes, in order."""
        arguments = ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
        arguments += ["-machine", "q35", *self.accelerator]
        arguments += ["-kernel", str(self.kernel.bzimage), "-append", self.kernel_command_line()]
        arguments += self.topology.qemu_arguments(self.memory_mib)
        # Distribution kernels have nvme built in, and virtio_blk not: no initramfs is needed.
        arguments += ["-device", "nvme,id=nvme,serial=lab"]
        for number, disk in enumerate(self.disks(), start=1):
            drive = f"if=none,id=disk{number},format=raw,file={_escaped(str(disk.path))}"
            drive += ",snapshot=on" if disk.shared else ",cache=unsafe"
            arguments += ["-drive", drive, "-device", f"nvme-ns,drive=disk{number},nsid={number}"]
        arguments += forward.qemu_arguments(self.forwards)
        for name, path in serial.items():
            arguments += ["-chardev", f"file,id={name},path={_escaped(path)}"]
            arguments += ["-serial", f"chardev:{name}"]
        return arguments


def _escaped(value: str) -> str:
    """As a value among QEMU's comma-separated options."""
    return value.replace(",", ",,")
