# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's name: what it stands for, how long that is kept, and what is no name."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import choice, kernels
from lab.choice import Package
from lab.errors import LabError, UsageError
from lab.kernel import Kernel, release_of
from lab.stock import Stock


class Mirror:
    """A mirror that has one package, or does not answer."""

    def __init__(self) -> None:
        self.version: str | None = "6.12.1-1"
        self.asked = 0

    def newest(self, series: str, suites: Sequence[str]) -> Package:
        self.asked += 1
        if self.version is None:
            raise LabError("no answer")
        return Package(suites[0], f"linux-image-{series}", self.version)

    def unpacked(self, package: Package) -> Kernel:
        return Kernel(package.version, Path("bzImage"), None)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    return Mirror()


@pytest.fixture
def origin(mirror: Mirror) -> Stock:
    return Stock("6.12", ("trixie",), mirror.newest, mirror.unpacked)


def test_a_known_kernel_is_used_without_asking_the_mirror_again(
    mirror: Mirror, origin: Stock
) -> None:
    origin.kernel(update=False)
    mirror.version = "6.12.2-1"
    assert origin.kernel(update=False).release == "6.12.1-1"
    assert mirror.asked == 1


def test_update_asks_at_once(mirror: Mirror, origin: Stock) -> None:
    origin.kernel(update=False)
    mirror.version = "6.12.2-1"
    assert origin.kernel(update=True).release == "6.12.2-1"


def test_after_a_week_the_mirror_is_asked_again(
    mirror: Mirror, origin: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "ASK_AGAIN_SECONDS", -1)
    origin.kernel(update=False)
    mirror.version = "6.12.2-1"
    assert origin.kernel(update=False).release == "6.12.2-1"


def test_while_the_mirror_does_not_answer_the_cached_kernel_serves(
    mirror: Mirror, origin: Stock, capsys: pytest.CaptureFixture[str]
) -> None:
    origin.kernel(update=False)
    mirror.version = None
    assert origin.kernel(update=True).release == "6.12.1-1"
    assert capsys.readouterr().err == "lab: no answer; keeping 6.12\n"
    # Not each run is to wait for an answer that does not come.
    origin.kernel(update=False)
    assert mirror.asked == 2


def test_without_mirror_and_cache_there_is_no_kernel(mirror: Mirror, origin: Stock) -> None:
    mirror.version = None
    with pytest.raises(LabError, match="no answer"):
        origin.kernel(update=False)


def test_an_unknown_name_is_told_with_all_known_ones() -> None:
    with pytest.raises(UsageError) as raised:
        kernels.find("nope")
    assert "\n" not in str(raised.value)
    assert "unknown kernel nope; known: stock-6.1, stock-6.12, stock-7.x" in str(raised.value)


def test_a_path_to_a_bzimage_is_a_name_too(tmp_path: Path) -> None:
    header = bytearray(0x400)
    header[0x202:0x206] = b"HdrS"
    header[0x20E:0x210] = (0x100).to_bytes(2, "little")
    header[0x300:0x317] = b"7.1.0-mine (me@here) #1"
    bzimage = tmp_path / "bzImage"
    bzimage.write_bytes(header)
    assert kernels.find(str(bzimage)) == Kernel("7.1.0-mine", bzimage, None)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", bytes(0x400)])
def test_any_other_file_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="not a bzImage"):
        release_of(file)
