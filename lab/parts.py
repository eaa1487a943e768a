# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel runs which of the guest tests, and in which part; see docs/testing.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TESTS = "/lab/checkout/tests/lab"


@dataclass(frozen=True)
class Guest:
    """One guest: its kernel, its shape, what pytest is told, and after how long it is given up.

    `init` is what starts pytest: the lab's own few lines, or systemd. `append` is for the kernel's
    command line, `environment` (NAME=VALUE) for pytest.
    """

    kernel: str
    topology: str
    pytest: tuple[str, ...]
    limit_seconds: int
    init: str = "lab"
    append: str = ""
    environment: tuple[str, ...] = ()


@dataclass(frozen=True)
class Around:
    """A module that tests guests from this machine: the guests' kernels, and a limit."""

    module: str
    kernels: tuple[str, ...]
    limit_seconds: int = 1800


@dataclass(frozen=True)
class Part:
    """Guests, one after the other. A `kept` part leaves out what passed with this content.

    `beside`: modules of the lab with their words, which take the time that the guests leave.
    `around`: what runs last.
    """

    guests: tuple[Guest, ...]
    kept: bool = False
    beside: tuple[tuple[str, ...], ...] = ()
    around: tuple[Around, ...] = ()


def _files(*names: str) -> tuple[str, ...]:
    return tuple(f"{TESTS}/test_{name}.py" for name in names)


# What is of the agent rather than of a kernel, less what `make test` has run.
_OF_THE_AGENT = (
    "-m",
    "not core and not long",
    *_files("agreement", "clean_exit", "daemon", "files", "recording", "spinning"),
)

# What a kernel's own names, shapes and functions can make wrong.
_EXACT = ("-m", "not forced_attach", *_files("exact_counts"))

# Of the law what a kernel that preempts can break; all of it, for two minutes, is in soak. A
# session cut out of a storm takes minutes where attaching under one does.
_LAW = ("-k", "not (mid_storm or tiny_state or beyond_the_slots or another_tracer)", *_files("law"))
_STORM = ("IMMAPSCOPE_STORM_SECONDS=20",)

# What more CPUs and nodes can make wrong.
_MANY = _files("law", "causes", "recording")

# What kernels of our own are for.
SHARDS = _files("shards")
_DAEMON_OF_TREES = _files("daemon_trees")

# The daemon as a service.
(_SERVICE,) = _files("service")

_STOCK = ("stock-6.1", "stock-6.12", "stock-7.x")

# What shards have, and what is exact on other kernels.
_SHARDED = ("-m", "not forced_attach and not long", *SHARDS, *_files("exact_counts"))

# What a kernel that checks and counts its locks says, after ten minutes of stress; and what would
# lock out itself, or two tasks each other, by the thread's own patches.
_STRESS = ("IMMAPSCOPE_STRESS_SECONDS=600",)
_CHECKED = ("-k", "oracles or boundar or stress", *_files("oracles", "shards", "stress"))

# Limits are for what hangs: on a slow machine, beside a kernel build, each takes thrice its time.
_LAB = (
    Guest("stock-6.12", "4x2", _OF_THE_AGENT, 3000),
    # It preempts, which is what the law and exact counts can fail by; and its functions are not
    # given the root of a tree, which a layout is learnt without.
    Guest(
        "stock-7.x", "4x2", (*_EXACT, *_LAW, *_files("causes", "learnt")), 3000, environment=_STORM
    ),
    Guest("stock-6.1", "4x2", _EXACT, 2400),
    Guest("stock-6.12", "4x2", (_SERVICE,), 2400, init="systemd"),
    # Kernels that are built, meanwhile. Two are in soak only: `split` without checks, whose trees
    # are those of split+debug, and `single`, which has the one tree a file of stock kernels.
    Guest("inverted", "4x2", ("-k", "not learnt", *SHARDS, *_DAEMON_OF_TREES), 2400),
    Guest("split+debug", "4x2", (*_SHARDED, *_files("oracles", "stress")), 3000),
)


def _sharded(kernel: str, policy: str, topology: str = "4x2", *files: str) -> Guest:
    usual = (*_SHARDED, *_DAEMON_OF_TREES, *_files("recording"))
    tests = _files(*files) if files else usual
    return Guest(kernel, topology, tests, 1200, append=f"i_mmap_shards={policy}")


_SOAK = (
    *(Guest(kernel, "4x2", ("-m", "not forced_attach", TESTS), 3600) for kernel in _STOCK),
    *(Guest(kernel, "12x2", (*_EXACT, *_MANY), 2400) for kernel in _STOCK),
    Guest("stock-6.12", "4x2", ("-m", "forced_attach", TESTS), 900),
    *(
        Guest(kernel, "4x2", (_SERVICE,), 1200, init="systemd")
        for kernel in (*_STOCK, "single", "split", "inverted", "tree-only")
    ),
    Guest("single", "4x2", (*_EXACT, *_files("learnt")), 600),
    *(_sharded(kernel, policy) for kernel in ("split", "tree-only") for policy in ("node", "cpu")),
    _sharded("inverted", "cpu"),
    *(
        _sharded(kernel, policy, "2x4", "policies")
        for kernel in ("split", "tree-only", "inverted")
        for policy in ("hash:8", "smallest:32", "node:2")
        if kernel != "inverted" or policy == "hash:8"
    ),
    _sharded("split", "node", "12x2", "many_nodes"),
    _sharded("inverted", "cpu", "12x2", "many_nodes"),
    *(
        Guest(f"{kernel}+debug", topology, _CHECKED, 3000, environment=_STRESS)
        for kernel in ("single", "split", "inverted", "tree-only")
        for topology in ("4x2", "12x2")
    ),
)

# `make install`; the live page in a browser; the alerts, on a lock that really gets worse and on a
# host that boots another kernel.
_AROUND = (
    Around("tests.lab_host.installed", ("stock-6.12",)),
    Around("tests.lab_host.live_page", ("split",)),
    Around("tests.lab_host.regression", ("stock-6.12",)),
    Around("tests.lab_host.change_of_kernel", ("inverted", "split", "single")),
)

PARTS: Mapping[str, Part] = {
    # What counts instructions has one thread, and counts the same whatever else runs.
    "core": Part(
        (Guest("stock-6.12", "4x2", ("-m", "core", TESTS), 2400),),
        beside=(("lab.bench", "--quick", "full"),),
    ),
    # A guest that compiles, attaches or counts keeps one core of two busy; kernels are built in
    # what time is left. A second guest instead was no quicker, and each made the other wait.
    "lab": Part(
        _LAB,
        beside=(
            ("lab.kernels", *dict.fromkeys(guest.kernel for guest in _LAB)),
            ("lab.bench", "--quick", "contention-without-trees", "contention"),
        ),
    ),
    "soak": Part(_SOAK, kept=True, around=_AROUND),
}
