# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that checks its own locks, under everything that stress-ng has for i_mmap, traced."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import reclaim as reclaim_of_mapped
from tracing import trace

LOCKDEP = Path("/proc/lockdep_stats")
#: stress-ng does not exec as root.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
STRESSORS = {
    "mmap": 2,
    "fork": 2,
    "exec": 2,
    "mremap": 1,
    "madvise": 1,
    "fallocate": 1,
    "rmap": 2,
    "mmapfork": 1,
}
PRESSURE = ["--vm", "2", "--vm-bytes", "60%", "--mmap-file", "--mmap-bytes", "64M"]

#: What a kernel says of itself when something is wrong.
COMPLAINTS = re.compile(
    r"WARNING:|BUG:|possible circular|possible recursive|INFO: task|INFO: rcu|Oops|"
    r"general protection|VM_BUG|DEBUG_LOCKS_WARN|BUG: MAX_LOCK|list_(?:add|del) corruption"
)

if not LOCKDEP.exists():
    pytest.skip("this kernel does not check its locks", allow_module_level=True)


def complaints() -> list[str]:
    """The lines of the kernel's log that are none to be ignored."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    return [line for line in log.splitlines() if COMPLAINTS.search(line)]


def still_checks() -> bool:
    """Lockdep turns itself off at the first mistake that it finds."""
    return re.search(r"debug_locks:\s+1\n", LOCKDEP.read_text()) is not None


def test_everything_at_once_breaks_no_rule_of_the_kernels() -> None:
    seconds = int(os.environ.get("IMMAPSCOPE_STRESS_SECONDS", "60"))
    # As it is by default. Other tests raise it, and then stress-ng maps until nobody, not the agent
    # either, can be sure to live: what describes mappings cannot be taken back.
    subprocess.run(["sysctl", "-q", "vm.max_map_count=65530"], check=True)
    place = Path("stress").absolute()
    place.mkdir()
    place.chmod(0o777)
    stressors = [word for name, count in STRESSORS.items() for word in (f"--{name}", str(count))]
    command = [
        *NOBODY, "stress-ng", "--temp-path", str(place), "--timeout", f"{seconds}s",
        "--oom-avoid", *stressors, *PRESSURE,
    ]  # fmt: skip
    reclaim = [sys.executable, reclaim_of_mapped.__file__, "stress-reclaimed", str(seconds)]
    both = (
        f"{shlex.join(reclaim)} taken-back & {shlex.join(command)}; status=$?; wait; exit $status"
    )
    report = trace(["--mode", "full"], ["sh", "-c", both], timeout=seconds * 3 + 600)
    taken = Path("taken-back").read_text().rstrip("\0")
    assert taken.isdigit(), "the one that reclaims did not come to its end"
    assert int(taken) > 0
    assert report.document["totals"]["acquisitions"] > 10_000
    assert report.law() == {"acquisitions": 0, "waits": 0}
    assert report.lost("waits") == 0


def test_the_kernel_complained_of_nothing() -> None:
    assert complaints() == []
    assert still_checks()
