# SPDX-License-Identifier: GPL-2.0-or-later
"""WHO means what a person expects."""

from __future__ import annotations

import os

import pytest
from hypothesis import given

from immapscope.errors import UsageError
from immapscope.snapshot import Inode
from immapscope.who import InodeWho, NameWho, PathWho, parse_who
from tests.outputs.strategies import names


def means(who: str, name: str | None) -> bool:
    return parse_who(who).matches(Inode("254:0", 1234, 7, name))


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("bash", "bash"),
        ("libc.so", "libc.so"),
        ("libc.so", "libc.so.6"),
        ("libc.so", "libc-2.31.so"),
        ("libcrypto.so", "libcrypto.so.1.1"),
        ("libcrypto.so", "libcrypto.so.0.9.8k"),
        ("libdb.so", "libdb-5.3.so"),
        ("libstdc++.so", "libstdc++.so.6.0.30"),
        ("libstdc++.so.6", "libstdc++.so.6.0.30"),
        ("libc.so.6", "libc.so.6"),
        ("libc-2.31.so", "libc-2.31.so"),
        ("ld.so", "ld.so"),
        ("ld.so", "ld.so.1"),
        ("ld.so", "ld-linux-x86-64.so.2"),
        ("ld.so", "ld-linux.so.2"),
        ("ld.so", "ld-linux-aarch64.so.1"),
        ("ld.so", "ld-2.31.so"),
        ("ld.so", "ld64.so.1"),
        ("ld.so", "ld-musl-x86_64.so.1"),
        ("ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2"),
        ("libc*", "libcrypto.so.3"),
        ("lib?.so.6", "libc.so.6"),
        ("[lm]ib[!d].so.*", "libc.so.6"),
        ("*", ".hidden"),
        ("*", "new\nline"),
        ("[*]", "*"),
        ("a b", "a b"),
        ("a\tb", "a\tb"),
    ],
)
def test_a_base_name_means(who: str, name: str) -> None:
    assert means(who, name)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("bash", "rbash"),
        ("bash", "bash.bak"),
        ("Bash", "bash"),
        ("libc.so", "libcrypto.so.3"),
        ("libc.so", "libc++.so.1"),
        ("libc.so", "libc-client.so"),
        ("libc.so", "libc.so.bak"),
        ("libc.so", "libc.so.6.bak"),
        ("libc.so", "libc.so.6~"),
        ("libc.so", "libc.so.6\n"),
        ("libc.so", "libcxso"),
        ("libc.so", "xlibc.so"),
        ("libc.so", "ld-musl-x86_64.so.1"),
        ("libc.so.6", "libc.so.60"),
        ("libc.so.6", "libc.so"),
        ("libc-2.31.so", "libc-2.31xso"),
        ("ld.so", "ld.so.cache"),
        ("ld.so", "ld.so.conf"),
        ("ld.so", "ld-linux-x86-64.so.2.bak"),
        ("ld.so", "libld.so.1"),
        ("ld.so", "ldap.so"),
        ("lib?.so", "libcc.so"),
        ("*.so", "libc.so.6"),
        ("bash", None),
        ("*", None),
    ],
)
def test_a_base_name_does_not_mean(who: str, name: str | None) -> None:
    assert not means(who, name)


@given(names)
def test_any_name_means_the_file_that_is_called_so(name: str) -> None:
    who = parse_who(name)
    if isinstance(who, NameWho) and not set(name) & set("*?["):
        assert means(name, name)


def test_a_name_is_compared_byte_for_byte() -> None:
    latin1, utf8 = os.fsdecode(b"caf\xe9"), "caf\u00e9"
    assert means(latin1, latin1)
    assert not means(latin1, utf8)
    assert not means("cafe\u0301", utf8)


def test_three_numbers_are_device_and_inode() -> None:
    who = parse_who("254:0:1234")
    assert isinstance(who, InodeWho)
    assert who.matches(Inode("254:0", 1234, 1, None))
    assert who.matches(Inode("254:0", 1234, 2, "of another generation"))
    assert not who.matches(Inode("254:1", 1234, 1))
    assert not who.matches(Inode("254:0", 12340, 1))
    assert parse_who("0254:00:01234").matches(Inode("254:0", 1234, 1))


@pytest.mark.parametrize("text", ["254:0", "254:0:1234:7", "fe:0:1234", "254:0:-1", "\uff11:2:3"])
def test_anything_else_with_colons_is_a_name(text: str) -> None:
    assert isinstance(parse_who(text), NameWho)
    assert means(text, text)


@pytest.mark.parametrize("path", ["/lib/libc.so.6", "/srv/*?[a]", "/a//b/", "/../x", "/", "/1:2:3"])
def test_what_starts_with_a_slash_is_a_path_byte_for_byte(path: str) -> None:
    who = parse_who(path)
    assert isinstance(who, PathWho)
    assert who.text == path


def test_a_path_matches_the_file_that_it_leads_to_and_no_name() -> None:
    path = parse_who("/lib/libc.so.6")
    assert isinstance(path, PathWho)
    libc = Inode("254:0", 1234, 7, "libc.so.6", "/lib/libc.so.6")
    assert not path.matches(libc)
    found = path.resolved_to([("0:41", 5), ("254:0", 1234)])
    assert found.text == path.text
    assert found.matches(libc)
    assert found.matches(Inode("0:41", 5, 0, "a hard link"))
    assert not found.matches(Inode("254:0", 5, 0, "libc.so.6"))
    assert not found.resolved_to([]).matches(libc)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("lib/libc.so", "relative path"),
        ("./bash", "relative path"),
        ("libc.so/", "relative path"),
        ("ba\0sh", "NUL"),
        ("/lib/ba\0sh", "NUL"),
        ("n" * 256, "256 bytes long"),
        ("/lib/" + "n" * 256 + "/x", "256 bytes long"),
        ("é" * 128, "256 bytes long"),
        (os.fsdecode(b"\xff" * 256), "256 bytes long"),
        ("*" * 256, "256 bytes long"),
        ("\ud800", "cannot be written"),
    ],
)
def test_what_no_file_can_be_called_is_refused_in_one_printable_line(
    text: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint) as refusal:
        parse_who(text)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "text", ["n" * 255, "é" * 127, os.fsdecode(b"\xff" * 255), "/" + "n" * 255]
)
def test_a_component_may_have_255_bytes(text: str) -> None:
    assert parse_who(text).text == text
