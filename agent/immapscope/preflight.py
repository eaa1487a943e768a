# SPDX-License-Identifier: GPL-2.0-or-later
"""Can this machine be traced? Each check says what it found and what would lift a blocker."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from immapscope.errors import CannotTraceError
from immapscope.kernel.btf import Btf
from immapscope.kernel.layouts import Layout
from immapscope.kernel.libbpf import BtfError, library
from immapscope.kernel.model import KernelModel
from immapscope.kernel.symbols import Symbols, SymbolsError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that tracing needs; `advice` is what lifts a blocker, empty where `passed`.

    `passed` None is what cannot be told here; only the trial of each probe would tell.
    """

    name: str
    passed: bool | None
    finding: str
    advice: str = ""

    @property
    def blocks(self) -> bool:
        """Whether nothing can be traced because of it."""
        return self.passed is False


_LAYOUTS = {
    Layout.TREE_ONLY: "tree-only: several trees a file under one rwsem",
    Layout.SPLIT: "split: several trees a file, a rwsem each; tree operations must be traced",
    Layout.INVERTED: "inverted: several trees a file, a rwsem each, under an inverted i_mmap_rwsem",
}


def _has_module(name: str) -> bool:
    return find_spec(name) is not None


def _knows_layouts() -> bool:
    # For tests of the lab: what is learnt by watching must be what is known.
    return os.environ.get("IMMAPSCOPE_LAYOUTS") != "unknown"


@dataclass(frozen=True, slots=True)
class Host:
    """Where the facts are read from; tests give folders of their own."""

    root: Path = Path("/")
    machine: Callable[[], str] = platform.machine
    release: Callable[[], str] = platform.release
    has_module: Callable[[str], bool] = _has_module
    known_layouts: bool = field(default_factory=_knows_layouts)

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
        return tuple(check for check in self.checks if check.blocks)


def inspect(host: Host | None = None, kprobes: bool = True) -> Verdict:
    """Makes every check of what tracing needs, with `kprobes` or without; reads only."""
    host = host or Host()
    checks = list(_machine_checks(host, kprobes))
    kernel, of_kernel = _kernel(host)
    return Verdict((*checks, *of_kernel), kernel)


def traceable_kernel(kprobes: bool = True) -> Kernel:
    """The kernel, or CannotTraceError with the first blocker in one line; see `inspect`."""
    verdict = inspect(kprobes=kprobes)
    if verdict.kernel is not None and not verdict.blockers:
        return verdict.kernel
    blocker, *others = verdict.blockers
    more = f" ({len(others)} more: immapscope doctor)" if others else ""
    raise CannotTraceError(
        f"this machine cannot be traced: {blocker.name}: {blocker.finding}; {blocker.advice}{more}"
    )


def _machine_checks(host: Host, needs_kprobes: bool) -> Iterator[Check]:
    machine = host.machine()
    yield Check(
        "architecture",
        machine == "x86_64",
        machine,
        "" if machine == "x86_64" else "the probes read x86-64 registers; trace on such a machine",
    )
    yield _privileges(host, needs_kprobes)
    yield _lockdown(host)
    kprobes = host.path("sys/bus/event_source/devices/kprobe").is_dir()
    yield Check(
        "kprobes",
        kprobes,
        "available" if kprobes else "this kernel has no kprobe events",
        "" if kprobes else "boot a kernel built with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS",
    )

    yield _bcc(host)


#: Numbers of include/uapi/linux/capability.h.
_SYS_ADMIN, _SYSLOG, _PERFMON, _BPF = 21, 34, 38, 39
#: Above this Debian's and Ubuntu's kernels ask for CAP_SYS_ADMIN; others know nothing above it.
_PARANOID = 2


def _privileges(host: Host, kprobes: bool) -> Check:
    held = _effective_capabilities(host)
    administrator = held >> _SYS_ADMIN & 1
    lacking = [
        name
        for number, name in ((_BPF, "CAP_BPF"), (_PERFMON, "CAP_PERFMON"))
        if not (held >> number & 1 or administrator)
    ]
    if not held >> _SYSLOG & 1:
        lacking.append("CAP_SYSLOG")
    if kprobes and not administrator and _perf_event_paranoid(host) > _PARANOID:
        lacking.append(f"CAP_SYS_ADMIN or kernel.perf_event_paranoid={_PARANOID}")
    if not lacking:
        return Check("privileges", True, "root's capabilities" if administrator else "enough")
    return Check(
        "privileges",
        False,
        f"missing: {', '.join(lacking)}",
        "run as root (sudo immapscope ...), or give it these",
    )


def _effective_capabilities(host: Host) -> int:
    try:
        lines = host.path("proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def _perf_event_paranoid(host: Host) -> int:
    try:
        return int(host.path("proc/sys/kernel/perf_event_paranoid").read_text())
    except OSError:
        return 0


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
        if mounted:
            return Check("lockdown", True, "none")
        return Check("lockdown", None, "not known: securityfs is not mounted")
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
    model = KernelModel.from_kernel(btf, symbols, host.release(), host.known_layouts)
    checks.extend(Check(one.name, False, one.why, one.advice) for one in model.missing)
    if model.missing:
        return None, checks
    checks.append(Check("layout", True, _layout(model)))
    return Kernel(model, symbols), checks


def _layout(model: KernelModel) -> str:
    if model.watchable is not None:
        return f"unknown, to be learnt by watching: {model.watchable.seen}"
    return _LAYOUTS.get(model.layout, model.layout.value)


def _btf(host: Host, checks: list[Check]) -> Btf | None:
    try:
        btf = Btf.from_file(host.path("sys/kernel/btf/vmlinux"))
    except (BtfError, OSError) as error:
        advice = "boot a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's and Ubuntu's have it)"
        checks.append(Check("BTF", False, str(error), advice))
        return None
    checks.append(Check("BTF", True, "/sys/kernel/btf/vmlinux"))
    return btf
