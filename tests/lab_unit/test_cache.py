# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made once is made once, whoever else wants it, and never half."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from lab import cache

# A child that is forked from a test runner with threads could hang.
CHILDREN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    return tmp_path


def build_slowly(log: Path) -> None:
    def build(content: Path) -> None:
        with open(log, "a") as handle:
            handle.write("built\n")
        time.sleep(0.3)
        (content / "file").write_text("whole")

    assert (cache.entry("kind", "name", build) / "file").read_text() == "whole"


def build_and_hang(started: Event) -> None:
    def build(content: Path) -> None:
        (content / "file").write_text("half")
        started.set()
        time.sleep(60)

    cache.entry("kind", "name", build)


def test_two_at_once_build_once_and_both_get_it(folder: Path) -> None:
    log = folder / "log"
    children = [CHILDREN.Process(target=build_slowly, args=(log,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert log.read_text() == "built\n"


def test_a_killed_build_leaves_no_entry_no_lock_and_no_rubbish(folder: Path) -> None:
    started = CHILDREN.Event()
    child = CHILDREN.Process(target=build_and_hang, args=(started,))
    child.start()
    assert started.wait(30)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert cache.find("kind", "name") is None
    made = cache.entry("kind", "name", lambda content: (content / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]
    assert list((folder / "scratch").iterdir()) == []


def test_a_failed_build_leaves_nothing(folder: Path) -> None:
    def build(content: Path) -> None:
        (content / "file").write_text("half")
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError, match="no network"):
        cache.entry("kind", "name", build)
    assert cache.find("kind", "name") is None
    assert list((folder / "scratch").iterdir()) == []


def test_a_scratch_folder_in_use_is_not_swept() -> None:
    with cache.scratch("one") as one, cache.scratch("two"):
        (one / "file").touch()
        assert (one / "file").exists()
    assert not one.exists()


def test_what_nobody_used_for_weeks_makes_room_for_the_new(folder: Path) -> None:
    for name in ("old", "used"):
        cache.entry("kind", name, lambda content: None)
        long_ago = time.time() - (cache.UNUSED_DAYS + 1) * cache.DAY_SECONDS
        os.utime(folder / "kind" / name, (long_ago, long_ago))
    assert cache.find("kind", "used")
    cache.entry("kind", "new", lambda content: None)
    assert {path.name for path in (folder / "kind").iterdir()} == {"used", "new"}


def test_a_key_tells_apart_contents_that_only_join_alike() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("ab", b"c") == cache.key(b"ab", "c")


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    monkeypatch.setenv("HOME", "/three")
    assert cache.directory() == Path("/one")
    monkeypatch.delenv("IMMAPSCOPE_CACHE")
    assert cache.directory() == Path("/two/immapscope")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.directory() == Path("/three/.cache/immapscope")
