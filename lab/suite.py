# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest tests: which kernel runs which of them, and running them: python3 -m lab.suite PART.

tests/lab is ordinary pytest that runs inside a guest; see docs/testing.md.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab import cache, cli, job, kernels
from lab.errors import LabError
from lab.workloads import build

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
class Part:
    """Guests that run one after another. A `kept` part leaves out what passed with this content."""

    guests: tuple[Guest, ...]
    kept: bool = False


def _files(*names: str) -> tuple[str, ...]:
    return tuple(f"{TESTS}/test_{name}.py" for name in names)


# What is of the agent rather than of a kernel, less what `make test` has run.
_OF_THE_AGENT = (
    "-m",
    "not core",
    *_files("agreement", "clean_exit", "daemon", "files", "spinning"),
)

# What a kernel's own names, shapes and functions can make wrong.
_EXACT = ("-m", "not forced_attach", *_files("exact_counts"))

# Of the law what a kernel that preempts can break; all of it, for two minutes, is in soak. A
# session cut out of a storm takes minutes where attaching under one does.
_LAW = ("-k", "not (mid_storm or tiny_state or beyond_the_slots or another_tracer)", *_files("law"))
_STORM = ("IMMAPSCOPE_STORM_SECONDS=40",)

# What kernels of our own are for.
(SHARDS,) = _files("shards")

# The daemon as a service.
(_SERVICE,) = _files("service")

_STOCK = ("stock-6.1", "stock-6.12", "stock-7.x")

# What shards have, and what is exact on other kernels.
_SHARDED = ("-m", "not forced_attach", *_files("shards", "exact_counts"))

# What a kernel that checks and counts its locks says, after a minute of stress or ten.
_CHECKED = _files("oracles", "stress")

_LAB = (
    Guest("stock-6.12", "4x2", _OF_THE_AGENT, 1500),
    # It preempts, which is what the law and exact counts can fail by; and its functions are not
    # given the root of a tree, which a layout is learnt without.
    Guest(
        "stock-7.x", "4x2", (*_EXACT, *_LAW, *_files("causes", "learnt")), 1500, environment=_STORM
    ),
    Guest("stock-6.1", "4x2", (*_EXACT, *_files("demo_table")), 900),
    Guest("single", "4x2", _EXACT, 600),
    Guest("split", "4x2", _SHARDED, 900),
    Guest("inverted", "4x2", ("-k", "not learnt", SHARDS), 600),
    Guest("split+debug", "4x2", ("-m", "not long", *_CHECKED), 1200),
    Guest("stock-6.12", "4x2", (_SERVICE,), 1200, init="systemd"),
)


def _sharded(kernel: str, policy: str, topology: str = "4x2", *files: str) -> Guest:
    tests = _files(*files) if files else _SHARDED
    return Guest(kernel, topology, tests, 1200, append=f"i_mmap_shards={policy}")


_SOAK = (
    *(
        Guest(kernel, topology, ("-m", "not forced_attach", TESTS), 3000)
        for kernel in _STOCK
        for topology in ("4x2", "12x2")
    ),
    Guest("stock-6.12", "4x2", ("-m", "forced_attach", TESTS), 900),
    *(Guest(kernel, "4x2", (_SERVICE,), 900, init="systemd") for kernel in _STOCK),
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
        Guest(f"{kernel}+debug", topology, _CHECKED, 3000)
        for kernel in ("single", "split", "inverted", "tree-only")
        for topology in ("4x2", "12x2")
    ),
)

PARTS: Mapping[str, Part] = {
    "core": Part((Guest("stock-6.12", "4x2", ("-m", "core", TESTS), 900),)),
    "lab": Part(_LAB),
    "soak": Part(_SOAK, kept=True),
}


def lab_vm_words(guest: Guest) -> list[str]:
    """The arguments of lab/vm that run this guest's tests, with every workload beside them."""
    words = ["--kernel", guest.kernel, "--topology", guest.topology]
    words += ["--init", guest.init, "--timeout", str(guest.limit_seconds)]
    if guest.append:
        words += ["--append", guest.append]
    for name in build.names():
        words += ["--file", str(build.build(name))]
    pytest = ("python3", "-u", "-m", "pytest", "--durations=12")
    return [*words, "--", "env", *guest.environment, *pytest, *guest.pytest]


def run(name: str) -> int:
    """0 if every guest's tests passed; each runs even if one before it failed."""
    part = PARTS[name]
    failed = []
    for number, guest in enumerate(part.guests, start=1):
        what = f"{name} {number} of {len(part.guests)}: {guest.kernel} as {guest.topology}"
        done = _result(guest) if part.kept else None
        if done and cache.find("results", done):
            _say(f"{what}: passed before with the same content")
            continue
        words = lab_vm_words(guest)
        _say(f"{what}, at most {guest.limit_seconds} s: lab/vm {shlex.join(words)}")
        began = time.monotonic()
        status = cli.main(words)
        if status != 0:
            _say(f"{what}: failed with status {status} after {time.monotonic() - began:.0f} s")
            failed.append(what)
        elif done:
            cache.entry("results", done, lambda folder: None)
    if failed:
        _say(f"failed: {'; '.join(failed)}")
    return 1 if failed else 0


def _say(what: str) -> None:
    print(f"suite: {what}", file=sys.stderr, flush=True)


def _result(guest: Guest) -> str:
    """A name for what this guest's result depends on."""
    content: list[str | bytes] = [repr(guest), kernels.find(guest.kernel).release]
    for part in (*job.PARTS, "lab"):
        folder = job.CHECKOUT / part
        files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts and "out" not in path.parts:
                content += [str(path.relative_to(job.CHECKOUT)), path.read_bytes()]
    return cache.key(*content)


def main(words: Sequence[str]) -> int:
    """0 if all passed, 1 if a test failed, 2 for wrong usage, 70 if the lab could not run."""
    if len(words) != 1 or words[0] not in PARTS:
        print(f"suite: usage: python3 -m lab.suite {'|'.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        return run(words[0])
    except LabError as error:
        print(f"suite: {error}", file=sys.stderr)
        return cli.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
