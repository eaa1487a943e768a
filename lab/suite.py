# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a part of the guest tests: python3 -m lab.suite PART.

tests/lab is ordinary pytest that runs inside a guest; `parts` says which of it where.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from lab import cache, cli, job, kernels
from lab.errors import LabError
from lab.parts import PARTS, Around, Guest, Part
from lab.workloads import build

#: What can change a guest's result: not the bench, nor tests of the host's.
_GUESTS: Final = (
    *(part for part in job.PARTS if part != "tests"), "tests/lab", "lab/guest", "lab/kernels",
    *(f"lab/{name}.py" for name in ("guest", "image", "job", "kernel", "machine", "qemu", "stock")),
    "lab/topology.py",
)  # fmt: skip
_AROUND_GUESTS: Final = ("tests", "lab", "dashboards", "Makefile", "requirements.txt")


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
    with ThreadPoolExecutor(1) as aside:
        beside = [(words, aside.submit(_beside, words)) for words in part.beside]
        failed = _failed(name, part)
        failed += [" ".join(words) for words, status in beside if status.result() != 0]
    if failed:
        _say(f"failed: {'; '.join(failed)}")
    return 1 if failed else 0


def _beside(words: Sequence[str]) -> int:
    """Its status.

    It has what time the guests leave, whose CPUs are woken often and must not wait for it.
    """
    _say(f"meanwhile: python3 -m {shlex.join(words)}")
    done = subprocess.run(
        ["chrt", "--idle", "0", sys.executable, "-m", *words], cwd=job.CHECKOUT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    # In one piece and at its end, so that nothing of the guests comes between.
    print(f"\n{done.stdout}", file=sys.stderr, end="", flush=True)
    _say(f"python3 -m {shlex.join(words)} ended with status {done.returncode}")
    return done.returncode


def _failed(name: str, part: Part) -> list[str]:
    """The guests, then what goes around guests: which of them failed, in their order."""
    guests, around = _all_of(name, part)
    every: list[tuple[str, Guest | Around]] = [*guests, *around]
    return [what for what, one in every if not _passes(what, one, part)]


def _passes(what: str, one: Guest | Around, part: Part) -> bool:
    done = _result(one) if part.kept else None
    if done and cache.find("results", done):
        _say(f"{what}: passed before with the same content")
        return True
    began = time.monotonic()
    status = _run(what, one)
    if status != 0:
        _say(f"{what}: failed with status {status} after {time.monotonic() - began:.0f} s")
        return False
    _say(f"{what}: passed in {time.monotonic() - began:.0f} s")
    if done:
        cache.entry("results", done, lambda folder: None)
    return True


def _all_of(name: str, part: Part) -> tuple[list[tuple[str, Guest]], list[tuple[str, Around]]]:
    count = len(part.guests)
    guests = [
        (f"{name} {number} of {count}: {guest.kernel} as {guest.topology}", guest)
        for number, guest in enumerate(part.guests, start=1)
    ]
    around = [(f"{name}: {one.module} around {', '.join(one.kernels)}", one) for one in part.around]
    return guests, around


def _run(what: str, one: Guest | Around) -> int:
    limit = f"{what}, at most {one.limit_seconds} s"
    if isinstance(one, Guest):
        words = lab_vm_words(one)
        _say(f"{limit}: lab/vm {shlex.join(words)}")
        return cli.main(words)
    words = [".venv/bin/python", "-m", one.module]
    _say(f"{limit}: {shlex.join(words)}")
    try:
        return subprocess.run(
            words, cwd=job.CHECKOUT, timeout=one.limit_seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return cli.FAILED


def _say(what: str) -> None:
    print(f"suite: {what}", file=sys.stderr, flush=True)


def _result(one: Guest | Around) -> str:
    """A name for what its result depends on: what a guest is made of, and what is done in it."""
    around = isinstance(one, Around)
    names = one.kernels if isinstance(one, Around) else (one.kernel,)
    content: list[str | bytes] = [repr(one), *(kernels.find(name).release for name in names)]
    for part in (*_GUESTS, *(_AROUND_GUESTS if around else ())):
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
