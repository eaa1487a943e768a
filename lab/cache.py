# SPDX-License-Identifier: GPL-2.0-or-later
"""What is expensive to make is made once and kept, by name, outside the checkout.

An entry is a folder whose name tells what made it. It is built under a lock into a scratch folder
and renamed into place, so two builds at once work and a killed one leaves nothing half-made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DAY_SECONDS = 24 * 60 * 60
UNUSED_DAYS = 21
# After a mirror did not answer: soon enough to heal, seldom enough not to cost each run a time-out.
RETRY_SECONDS = 60 * 60


def directory() -> Path:
    """The cache: $IMMAPSCOPE_CACHE, else immapscope in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("IMMAPSCOPE_CACHE"):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "immapscope"


def key(*parts: str | bytes) -> str:
    """A short name for content: equal parts, equal key."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()[:16]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock of that name, once whoever has it is done or dead."""
    folder = directory() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name.replace("/", "_"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A folder that is gone afterwards; what a killed process left, the next one sweeps."""
    folder = directory() / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    with locked("scratch"):
        _sweep(folder)
        path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=folder))
        owner = os.open(path / ".owner", os.O_WRONLY | os.O_CREAT)
        fcntl.flock(owner, fcntl.LOCK_EX)
    try:
        content = path / "content"
        content.mkdir()
        yield content
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(owner)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            with open(path / ".owner", "w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        except OSError:
            shutil.rmtree(path, ignore_errors=True)


def find(kind: str, name: str) -> Path | None:
    """The finished entry of that name, marked as used now; None if there is none."""
    path = directory() / kind / name
    if not path.is_dir():
        return None
    os.utime(path)
    return path


def entry(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """The entry of that name; `build` fills an empty folder when it is not there yet."""
    if found := find(kind, name):
        return found
    with locked(f"{kind}-{name}"):
        if found := find(kind, name):
            return found
        _forget_unused(kind)
        with scratch(kind) as content:
            build(content)
            path = directory() / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content.rename(path)
        os.utime(path)
        return path


def _forget_unused(kind: str) -> None:
    folder = directory() / kind
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and time.time() - path.stat().st_mtime > UNUSED_DAYS * DAY_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
