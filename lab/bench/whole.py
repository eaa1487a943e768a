# SPDX-License-Identifier: GPL-2.0-or-later
"""All guests that measure, in the order that takes the least time without touching a figure.

A guest whose clock counts instructions has one thread and counts the same whatever else runs, and
what tools say is held against what was counted beside them: so two go at a time, and kernels are
built meanwhile in what time they leave. The storm, which is timed, has the machine for itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lab.bench.plan import GUESTS
from lab.errors import LabError
from lab.job import CHECKOUT

_AT_A_TIME: Final = 2


def whole(
    kernel: str, names: Sequence[str], rounds: int | None, folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """What each guest measured, also as JSON in `folder`, and a line for each that failed."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    together = [name for name in names if not GUESTS[name].alone]
    ready = [name for name in together if not GUESTS[name].kernels]
    with _building([one for name in names for one in GUESTS[name].kernels]):
        failed += _together(ready, kernel, rounds, folder)
    failed += _together([name for name in together if name not in ready], kernel, rounds, folder)
    for name in names:
        if name not in together:
            failed += _here(name, kernel, rounds, folder)
    good = [name for name in names if not any(line.startswith(f"{name}: ") for line in failed)]
    return _read(folder, good), failed


def _together(names: Sequence[str], kernel: str, rounds: int | None, folder: Path) -> Iterator[str]:
    """Some at a time; one alone has its output on this terminal, as it comes."""
    if len(names) == 1:
        yield from _here(names[0], kernel, rounds, folder)
        return
    words = ["--kernel", kernel, *(["--rounds", str(rounds)] if rounds else [])]
    with ThreadPoolExecutor(_AT_A_TIME) as lanes:
        yield from filter(None, lanes.map(lambda name: _apart(name, words, folder), names))


def _here(name: str, kernel: str, rounds: int | None, folder: Path) -> Iterator[str]:
    began = time.monotonic()
    try:
        measured = GUESTS[name].measure(kernel, rounds)
    except LabError as error:
        yield f"{name}: {error}"
        return
    (folder / f"{name}.json").write_text(json.dumps(measured))
    _say(f"{name} took {time.monotonic() - began:.0f} s")


def kept(folder: Path) -> dict[str, Any]:
    """By guest what was kept in `folder`. Raises LabError where that is nothing."""
    names = [name for name in GUESTS if (folder / f"{name}.json").is_file()]
    if not names:
        raise LabError(f"nothing that was measured is kept in {folder}")
    return _read(folder, names)


def _read(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


@contextmanager
def _building(kernels: Sequence[str]) -> Iterator[None]:
    """Leaves when they are there; one that does not build fails where it is asked for."""
    if not kernels:
        yield
        return
    names = list(dict.fromkeys(kernels))
    builder = subprocess.Popen(
        ["chrt", "--idle", "0", sys.executable, "-m", "lab.kernels", *names],
        cwd=CHECKOUT, stdout=sys.stderr,
    )  # fmt: skip
    try:
        yield
        began = time.monotonic()
        builder.wait()
        _say(f"waited {time.monotonic() - began:.0f} s more for {' and '.join(names)}")
    except BaseException:
        builder.terminate()
        raise


def _apart(name: str, words: Sequence[str], folder: Path) -> str | None:
    """In a process of its own; a line where it failed."""
    began, log = time.monotonic(), folder / f"{name}.log"
    with log.open("wb") as written:
        done = subprocess.run(
            [sys.executable, "-m", "lab.bench", "--only", name, "--keep", str(folder), *words],
            cwd=CHECKOUT, stdout=written, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        last = (log.read_text(errors="replace").splitlines() or ["nothing"])[-1]
        return f"{name}: ended with status {done.returncode}, see {log}: {last}"
    _say(f"{name} took {time.monotonic() - began:.0f} s")
    return None


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
