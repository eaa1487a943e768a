# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mirror the lab uses: Debian's own of this machine's apt sources, in either format."""

from pathlib import Path

import pytest

from lab.debian import (
    Mirror,
    Source,
    machine_mirror,
    parse_deb822,
    parse_one_line,
    pick_mirror,
    source_lines,
)
from lab.errors import LabError

DEB822 = """\
# Made by an installer
Types: deb deb-src
URIs: http://mirror.test/debian
# a comment inside a stanza
Suites: bookworm
  bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no
"""


def test_deb822_stanzas_are_read_with_continued_fields_and_without_comments() -> None:
    archive, security = parse_deb822(DEB822)
    assert archive == Source(
        ("http://mirror.test/debian",),
        ("bookworm", "bookworm-updates"),
        ("main",),
        "/usr/share/keyrings/debian-archive-keyring.gpg",
    )
    assert security.suites == ("bookworm-security",)


def test_one_line_sources_are_read_with_options_and_without_what_is_off() -> None:
    text = """
    # deb http://off.test/debian bookworm main
    deb-src http://source.test/debian bookworm main
    deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # note
    """
    assert parse_one_line(text) == [
        Source(("http://mirror.test/debian",), ("bookworm",), ("main", "contrib"), "/k.gpg")
    ]


def test_debians_archive_is_picked_among_vendors_that_use_its_suite_names() -> None:
    vendors = parse_one_line(
        "deb http://vendor.test bookworm main\n"
        "deb http://tools.test/apt nodistro main\n"
        "deb http://other.test/linux/debian bookworm stable\n"
    )
    assert pick_mirror([*vendors, *parse_deb822(DEB822)]) == Mirror(
        "http://mirror.test/debian", "http://mirror.test/debian-security"
    )


def test_a_source_signed_with_debians_keyring_beats_one_that_is_only_named_so() -> None:
    named = Source(("http://vendor.test/debian",), ("trixie",), ("main",))
    signed = Source(
        ("mirror+file:///etc/apt/mirrors/list",), ("trixie",), ("main",), "debian-archive-x.gpg"
    )
    assert pick_mirror([named, signed]) == Mirror("mirror+file:///etc/apt/mirrors/list", None)


def test_without_a_debian_source_there_is_no_mirror() -> None:
    assert pick_mirror(parse_one_line("deb http://tools.test/apt nodistro main")) is None


def test_the_machines_sources_are_found_in_either_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMMAPSCOPE_MIRROR", raising=False)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    assert machine_mirror(tmp_path).archive == "http://mirror.test/debian"
    (tmp_path / "sources.list").write_text("deb http://first.test/debian sid main")
    (tmp_path / "sources.list.d/debian.sources").unlink()
    assert machine_mirror(tmp_path) == Mirror("http://first.test/debian", None)


def test_a_machine_without_debian_sources_can_name_a_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMMAPSCOPE_MIRROR", raising=False)
    with pytest.raises(LabError, match="IMMAPSCOPE_MIRROR"):
        machine_mirror(tmp_path)
    monkeypatch.setenv("IMMAPSCOPE_MIRROR", "http://named.test/debian")
    assert machine_mirror(tmp_path) == Mirror("http://named.test/debian", None)


def test_a_stable_suite_brings_its_updates_and_security() -> None:
    mirror = Mirror("http://a.test/debian", "http://s.test/debian-security")
    assert [line.split("] ")[1] for line in source_lines(mirror, "trixie")] == [
        "http://a.test/debian trixie main",
        "http://a.test/debian trixie-updates main",
        "http://s.test/debian-security trixie-security main",
    ]


def test_backports_come_with_the_suite_that_they_need() -> None:
    lines = source_lines(Mirror("http://a.test/debian", None), "trixie-backports")
    assert [line.split()[-2] for line in lines] == [
        "trixie-backports",
        "trixie",
        "trixie-updates",
    ]


def test_only_sid_may_be_older_than_it_promised() -> None:
    mirror = Mirror("http://a.test/debian", "http://s.test")
    assert len(source_lines(mirror, "sid")) == 1
    assert "check-valid-until=no" in source_lines(mirror, "sid")[0]
    assert not any("check-valid-until" in line for line in source_lines(mirror, "trixie"))
