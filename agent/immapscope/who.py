# SPDX-License-Identifier: GPL-2.0-or-later
"""WHO: the way a person names files on the command line and in config.yaml.

- `/usr/lib/libc.so.6`: what starts with a slash is a path, byte for byte, never a glob.
- `254:0:1234`: device (major, minor) and inode number, all decimal.
- `libc.so.*`: a base name with `*`, `?` or `[` is a glob over whole base names, case-sensitive.
- `ld.so`: the dynamic loader, whatever its file is called (see `_LOADER`).
- `libc.so`: that name, and the names a shared library of that name has on disk: a version after
  it (`libc.so.6`, and for `libstdc++.so.6` also `libstdc++.so.6.0.30`) or, where the name ends in
  `.so`, before it (`libc-2.31.so`). A version is numbers between dots, each begun by a digit, so
  neither `libcrypto.so.3`, `libc-client.so`, `libc++.so.1` nor `libc.so.bak` is meant.
- `bash`: any other base name, exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import Final

from immapscope.errors import UsageError
from immapscope.snapshot import Inode

NAME_MAX: Final = 255

FileNumber = tuple[str, int]

_INODE = re.compile(r"([0-9]+):([0-9]+):([0-9]+)")
_SHARED_LIBRARY = re.compile(r"(?s)(?P<stem>.+)\.so(?P<version>(\.[0-9][0-9A-Za-z]*)*)")
_LATER_VERSION = r"(\.[0-9][0-9A-Za-z]*)*"
_OWN_VERSION = r"-[0-9][0-9A-Za-z]*(\.[0-9][0-9A-Za-z]*)*"

#: ld-linux-x86-64.so.2, ld-2.31.so, ld64.so.1, ld.so.1, ld-musl-x86_64.so.1; not ld.so.cache.
_LOADER: Final = re.compile(r"ld(64)?(-[0-9A-Za-z_.-]+)?\.so(\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class PathWho:
    """A path; it matches by the file that it leads to, which whoever can see the path resolves."""

    text: str
    resolved: frozenset[FileNumber] = frozenset()

    def resolved_to(self, files: Iterable[FileNumber]) -> PathWho:
        """This path leading to `files`, each (device `MAJOR:MINOR` as in `Inode`, number).

        More than one where kernel and stat() disagree, as on overlayfs; none matches nothing.
        """
        return replace(self, resolved=frozenset(files))

    def matches(self, inode: Inode) -> bool:
        """Whether this is the file, under whatever name the kernel knows it."""
        return (inode.device, inode.number) in self.resolved


@dataclass(frozen=True, slots=True)
class InodeWho:
    """Device and inode number."""

    text: str
    device: str
    number: int

    def matches(self, inode: Inode) -> bool:
        """Whether this is the file, of any generation."""
        return (inode.device, inode.number) == (self.device, self.number)


@dataclass(frozen=True, slots=True)
class NameWho:
    """A base name, with what else it means."""

    text: str
    pattern: re.Pattern[str]

    def matches(self, inode: Inode) -> bool:
        """Whether the name last seen is meant; never where no name was seen."""
        return inode.name is not None and self.pattern.fullmatch(inode.name) is not None


Who = PathWho | InodeWho | NameWho


def parse_who(text: str) -> Who:
    """The WHO of this text, undecodable bytes as surrogate escapes.

    Raises UsageError where no file can have that name: empty, relative with a slash, a NUL byte,
    a component of more than 255 bytes.
    """
    if not text:
        raise UsageError("a file to trace is empty; give a base name, a path or MAJOR:MINOR:NUMBER")
    if "\0" in text:
        raise UsageError(f"{text!r} has a NUL byte, which no file name has")
    _check_components(text)
    if text.startswith("/"):
        return PathWho(text)
    if "/" in text:
        raise UsageError(f"{text!r} is a relative path; give an absolute path or a base name")
    if match := _INODE.fullmatch(text):
        major, minor, number = map(int, match.groups())
        return InodeWho(text, f"{major}:{minor}", number)
    return NameWho(text, _pattern_of(text))


def _check_components(text: str) -> None:
    for component in text.split("/"):
        try:
            length = len(component.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise UsageError(
                f"{component[:40]!r} cannot be written as the bytes of a name"
            ) from None
        if length > NAME_MAX:
            raise UsageError(
                f"{component[:40]!r}... is {length} bytes long; a file name has at most {NAME_MAX}"
            )


def _pattern_of(name: str) -> re.Pattern[str]:
    if any(character in name for character in "*?["):
        return re.compile(translate(name))
    if name == "ld.so":
        return _LOADER
    library = _SHARED_LIBRARY.fullmatch(name)
    if library is None:
        return re.compile(re.escape(name))
    longer = re.escape(name) + _LATER_VERSION
    if library["version"]:
        return re.compile(longer)
    return re.compile(f"{longer}|{re.escape(library['stem'])}{_OWN_VERSION}\\.so")
