# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever keeps a machine from being traced is found, by name, with what would lift it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from immapscope.kernel.layouts import Layout
from immapscope.kernel.libbpf import BtfError
from immapscope.preflight import Check, Host, Verdict, inspect
from tests.kernel.saved import DATA


def host_of(kernel: str, root: Path) -> Host:
    """A host of that kernel with all that tracing needs, under `root`."""
    saved = DATA / "btf" / kernel
    (root / "sys/kernel/btf").mkdir(parents=True)
    (root / "sys/kernel/btf/vmlinux").write_bytes((saved / "btf").read_bytes())
    (root / "sys/kernel/security").mkdir()
    (root / "sys/kernel/security/lockdown").write_text("[none] integrity confidentiality\n")
    (root / "sys/bus/event_source/devices/kprobe").mkdir(parents=True)
    (root / "proc").mkdir()
    (root / "proc/self").mkdir()
    (root / "proc/self/status").write_text("CapEff:\t000001ffffffffff\n")
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / "proc/sys/kernel/perf_event_paranoid").write_text("3\n")
    (root / "proc/kallsyms").write_bytes((saved / "symbols").read_bytes())
    return Host(
        root,
        machine=lambda: "x86_64",
        release=lambda: "6.12.0-test",
        has_module=lambda name: name == "bcc",
    )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host that can be traced."""
    return host_of("stock-6.12", tmp_path)


def hold(host: Host, *numbers: int) -> None:
    """Whoever asks has these capabilities (include/uapi/linux/capability.h) and no others."""
    mask = sum(1 << number for number in numbers)
    host.path("proc/self/status").write_text(f"Name:\tx\nCapEff:\t{mask:016x}\n")


def blocker(verdict: Verdict) -> Check:
    (found,) = verdict.blockers
    assert found.finding
    assert found.advice
    return found


def test_a_host_that_has_it_all_has_no_blocker(host: Host) -> None:
    verdict = inspect(host)
    assert verdict.blockers == ()
    assert verdict.kernel is not None
    assert verdict.kernel.model.layout is Layout.SINGLE
    assert verdict.kernel.model.release == "6.12.0-test"
    assert [check.name for check in verdict.checks] == [
        "architecture",
        "privileges",
        "lockdown",
        "kprobes",
        "BCC",
        "BTF",
        "kernel symbols",
        "layout",
    ]


def test_another_architecture(host: Host) -> None:
    found = blocker(inspect(replace(host, machine=lambda: "aarch64")))
    assert (found.name, found.finding) == ("architecture", "aarch64")
    assert "x86-64" in found.advice


def test_another_user(host: Host) -> None:
    hold(host)
    found = blocker(inspect(host))
    assert found.name == "privileges"
    assert found.finding == (
        "missing: CAP_BPF, CAP_PERFMON, CAP_SYSLOG, CAP_SYS_ADMIN or kernel.perf_event_paranoid=2"
    )
    assert "sudo" in found.advice


def test_no_kprobes(host: Host) -> None:
    host.path("sys/bus/event_source/devices/kprobe").rmdir()
    verdict = inspect(host)
    assert "CONFIG_KPROBE_EVENTS" in blocker(verdict).advice
    # What the kernel is can be said all the same.
    assert verdict.kernel is not None


def test_no_bcc(host: Host) -> None:
    found = blocker(inspect(replace(host, has_module=lambda name: False)))
    assert found.name == "BCC"
    assert "python3-bpfcc" in found.advice


def test_this_python_is_asked_for_bcc_without_loading_it() -> None:
    assert Host().has_module("json")
    assert not Host().has_module("no_such_module")


@pytest.mark.parametrize("state", ["none", "integrity"])
def test_a_lockdown_that_lets_bpf_read(host: Host, state: str) -> None:
    others = "none integrity confidentiality".replace(state, f"[{state}]")
    host.path("sys/kernel/security/lockdown").write_text(f"{others}\n")
    verdict = inspect(host)
    assert verdict.blockers == ()
    assert Check("lockdown", True, state) in verdict.checks


def test_a_lockdown_that_keeps_bpf_from_reading(host: Host) -> None:
    host.path("sys/kernel/security/lockdown").write_text("none integrity [confidentiality]\n")
    found = blocker(inspect(host))
    assert "BPF may not read kernel memory" in found.finding
    assert "lockdown=integrity" in found.advice


def test_a_kernel_without_lockdown(host: Host) -> None:
    host.path("sys/kernel/security/lockdown").unlink()
    host.path("sys/kernel/security/lsm").write_text("capability\n")
    assert Check("lockdown", True, "none") in inspect(host).checks


def test_a_lockdown_that_cannot_be_seen_is_not_said_to_be_none(host: Host) -> None:
    host.path("sys/kernel/security/lockdown").unlink()
    (lockdown,) = (check for check in inspect(host).checks if check.name == "lockdown")
    assert lockdown.passed is None
    assert "not known" in lockdown.finding


def test_no_btf(host: Host) -> None:
    host.path("sys/kernel/btf/vmlinux").unlink()
    found = blocker(inspect(host))
    assert found.name == "BTF"
    assert "CONFIG_DEBUG_INFO_BTF" in found.advice


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:100]])
def test_broken_btf(host: Host, damage: Callable[[bytes], bytes]) -> None:
    file = host.path("sys/kernel/btf/vmlinux")
    file.write_bytes(damage(file.read_bytes()))
    found = blocker(inspect(host))
    assert found.name == "BTF"
    assert "\n" not in found.finding


def test_no_libbpf(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise BtfError("libbpf.so.1 is not installed (Debian: libbpf1)")

    monkeypatch.setattr("immapscope.preflight.library", missing)
    found = blocker(inspect(host))
    # The kernel is not to blame for it.
    assert (found.name, found.advice) == ("libbpf", "apt-get install libbpf1")


def test_no_symbols(host: Host) -> None:
    host.path("proc/kallsyms").unlink()
    assert blocker(inspect(host)).name == "kernel symbols"


def test_symbols_without_addresses(host: Host) -> None:
    symbols = host.path("proc/kallsyms")
    lines = symbols.read_bytes().splitlines()
    symbols.write_bytes(b"\n".join(b"0" * 16 + line[16:] for line in lines))
    found = blocker(inspect(host))
    assert found.name == "addresses of kernel symbols"
    assert "CAP_SYSLOG" in found.advice


def test_a_user_is_told_of_all_that_only_root_sees(host: Host) -> None:
    host.path("proc/kallsyms").write_bytes(b"0000000000000000 T down_write\n")
    hold(host)
    verdict = inspect(host)
    assert {"privileges", "addresses of kernel symbols"} < {one.name for one in verdict.blockers}
    # The first is what `trace` prints: the one to begin with.
    assert verdict.blockers[0].name == "privileges"


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ((34, 38, 39), "CAP_SYS_ADMIN or kernel.perf_event_paranoid=2"),
        ((21, 38, 39), "CAP_SYSLOG"),
        ((34, 39), "CAP_PERFMON, CAP_SYS_ADMIN or kernel.perf_event_paranoid=2"),
        ((34, 38), "CAP_BPF, CAP_SYS_ADMIN or kernel.perf_event_paranoid=2"),
    ],
)
def test_each_capability_that_is_lacking_is_named(
    host: Host, numbers: tuple[int, ...], missing: str
) -> None:
    hold(host, *numbers)
    assert blocker(inspect(host)).finding == f"missing: {missing}"


def test_where_perf_events_are_for_users_three_capabilities_do(host: Host) -> None:
    hold(host, 34, 38, 39)
    host.path("proc/sys/kernel/perf_event_paranoid").write_text("2\n")
    assert inspect(host).blockers == ()


def test_without_kprobes_three_capabilities_do(host: Host) -> None:
    hold(host, 34, 38, 39)
    assert inspect(host, kprobes=False).blockers == ()


def test_a_real_time_kernel(tmp_path: Path) -> None:
    found = blocker(inspect(host_of("preempt-rt", tmp_path)))
    assert found.name == "PREEMPT_RT"


def test_a_kernel_with_a_shape_that_nobody_knows(tmp_path: Path) -> None:
    verdict = inspect(host_of("strange", tmp_path))
    assert verdict.kernel is None
    assert "layout" not in {check.name for check in verdict.checks}
    assert {"up_read", "vma_interval_tree_insert"} == {one.name for one in verdict.blockers}


def test_a_layout_that_nobody_knows_is_to_be_learnt(tmp_path: Path) -> None:
    host = replace(host_of("inverted", tmp_path), known_layouts=False)
    (check,) = [check for check in inspect(host).checks if check.name == "layout"]
    assert check.passed
    assert check.finding.startswith("unknown, to be learnt by watching: i_mmap is struct")


@pytest.mark.parametrize("layout", ["tree-only", "split", "inverted"])
def test_a_layout_of_several_trees_is_traced(tmp_path: Path, layout: str) -> None:
    verdict = inspect(host_of(layout, tmp_path))
    assert verdict.kernel is not None
    (check,) = [check for check in verdict.checks if check.name == "layout"]
    assert check.finding.startswith(f"{layout}: several trees a file")


def test_a_machine_with_nothing_names_everything(tmp_path: Path) -> None:
    bare = Host(tmp_path, machine=lambda: "riscv64", has_module=lambda name: False)
    verdict = inspect(bare)
    assert {one.name for one in verdict.blockers} == {
        "architecture",
        "privileges",
        "kprobes",
        "BCC",
        "BTF",
        "kernel symbols",
    }
    assert all(one.advice and "\n" not in one.finding + one.advice for one in verdict.blockers)


def test_this_machine_is_inspected_without_an_error() -> None:
    assert inspect().checks
