# SPDX-License-Identifier: GPL-2.0-or-later
"""Can this machine be traced? Each check says what it found and what would lift a blocker."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from immapscope.kernel.btf import Btf
from immapscope.kernel.libbpf import BtfError, library
from immapscope.kernel.model import KernelModel
from immapscope.kernel.symbols import Symbols, SymbolsError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that tracing needs; `advice` is what lifts a blocker, empty where `passed`."""

    name: str
    passed: bool
    finding: str
    advice: str = ""


def _has_module(name: str) -> bool:
    return find_spec(name) is not None


@dataclass(frozen=True, slots=True)
class Host:
    """Where the facts are read from; tests give folders of their own."""

    root: Path = Path("/")
    machine: Callable[[], str] = platform.machine
    release: Callable[[], str] = platform.release
    user: Callable[[], int] = os.geteuid
    has_module: Callable[[str], bool] = _has_module

    def path(self, name: str) -> Path:
        """A path on this host."""
        return self.root / name


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a traceable kernel is known by."""

    model: KernelModel
    symbols: Symbols


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check that was made, and the kernel where it could be read."""

    checks: tuple[Check, ...]
    kernel: Kernel | None

    @property
    def blockers(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)


def inspect(host: Host | None = None) -> Verdict:
    """Makes every check; reads only."""
    host = host or Host()
    checks = list(_machine_checks(host))
    kernel, of_kernel = _kernel(host)
    return Verdict((*checks, *of_kernel), kernel)


def _machine_checks(host: Host) -> Iterator[Check]:
    machine = host.machine()
    yield Check(
        "architecture",
        machine == "x86_64",
        machine,
        "" if machine == "x86_64" else "the probes read x86-64 registers; trace on such a machine",
    )
    user = host.user()
    yield Check(
        "privileges",
        user == 0,
        "root" if user == 0 else f"user {user}",
        "" if user == 0 else "run as root: sudo immapscope ...",
    )
    yield _lockdown(host)
    kprobes = host.path("sys/bus/event_source/devices/kprobe").is_dir()
    yield Check(
        "kprobes",
        kprobes,
        "available" if kprobes else "this kernel has no kprobe events",
        "" if kprobes else "boot a kernel built with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS",
    )

    yield _bcc(host)


def _bcc(host: Host) -> Check:
    if host.has_module("bcc"):
        return Check("BCC", True, "Python's bcc module")
    return Check(
        "BCC",
        False,
        "Python has no module bcc",
        "apt-get install python3-bpfcc (PyPI's bcc is another program), in a venv made with "
        "--system-site-packages",
    )


def _lockdown(host: Host) -> Check:
    file = host.path("sys/kernel/security/lockdown")
    try:
        state = file.read_text().partition("[")[2].partition("]")[0]
    except OSError:
        mounted = file.parent.is_dir() and any(file.parent.iterdir())
        found = "none" if mounted else "not known: securityfs is not mounted"
        return Check("lockdown", True, found)
    if state == "confidentiality":
        advice = "boot with lockdown=none or lockdown=integrity (Secure Boot may set it)"
        return Check("lockdown", False, "confidentiality: BPF may not read kernel memory", advice)
    return Check("lockdown", True, state)


def _kernel(host: Host) -> tuple[Kernel | None, list[Check]]:
    checks = []
    btf: Btf | None = None
    symbols: Symbols | None = None
    try:
        library()
    except BtfError as error:
        checks.append(Check("libbpf", False, str(error), "apt-get install libbpf1"))
    else:
        btf = _btf(host, checks)
    try:
        symbols = Symbols.from_file(host.path("proc/kallsyms"))
        checks.append(Check("kernel symbols", True, "/proc/kallsyms"))
    except SymbolsError as error:
        checks.append(Check("kernel symbols", False, str(error), "mount /proc; CONFIG_KALLSYMS"))
    if btf is None or symbols is None:
        return None, checks
    model = KernelModel.from_kernel(btf, symbols, host.release())
    checks.extend(Check(one.name, False, one.why, one.advice) for one in model.missing)
    if model.missing:
        return None, checks
    if model.shards != 1:
        advice = "this release of immapscope traces one tree and one lock a file (layout single)"
        checks.append(Check("layout", False, f"{model.layout.value} is recognised", advice))
        return None, checks
    checks.append(Check("layout", True, model.layout.value))
    return Kernel(model, symbols), checks


def _btf(host: Host, checks: list[Check]) -> Btf | None:
    try:
        btf = Btf.from_file(host.path("sys/kernel/btf/vmlinux"))
    except (BtfError, OSError) as error:
        advice = "boot a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's and Ubuntu's have it)"
        checks.append(Check("BTF", False, str(error), advice))
        return None
    checks.append(Check("BTF", True, "/sys/kernel/btf/vmlinux"))
    return btf
