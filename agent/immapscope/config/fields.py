# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds of values that a configuration has, each read from what YAML gives.

Each is valid as it stands in Python, too: seconds are a float, an address is an `Address`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BeforeValidator, PlainValidator, ValidationInfo

from immapscope.config.errors import quoted
from immapscope.durations import parse_duration
from immapscope.errors import ImmapscopeError
from immapscope.settings import Address
from immapscope.who import parse_who

_PORTS: Final = range(65536)
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\s\[\]]+)\]|(?P<host>[^\s:\[\]/@]*)):(?P<port>[0-9]{1,5})")

T = TypeVar("T")


def _duration(value: object) -> object:
    """Seconds of a text or a bare number; seconds stay."""
    if isinstance(value, float):
        return value
    return _told(parse_duration, words(value, "write 10s, 500ms, 2m or 1h"))


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    allowed = "write HOST:PORT, [IPv6]:PORT, or :PORT for every address"
    text = words(value, allowed)
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) not in _PORTS or not _is_six(match["six"]):
        raise ValueError(f"{quoted(text)} is no address; {allowed}")
    return Address(match["six"] or match["host"], int(match["port"]))


def _is_six(text: str | None) -> bool:
    try:
        return text is None or IPv6Address(text) is not None
    except ValueError:
        return False


def _who(value: object) -> str:
    text = words(value, "write a base name, a glob, a path or MAJOR:MINOR:NUMBER")
    _told(parse_who, text)
    return text


def _path(value: object, info: ValidationInfo) -> Path:
    """A relative one is relative to the folder that the context names."""
    if isinstance(value, Path):
        return value
    text = words(value, "write the name of a file")
    if not text or "\0" in text:
        raise ValueError(f"{quoted(text)} is no name of a file")
    if "-----BEGIN" in text:
        raise ValueError("write the name of the file, not what is in it")
    folder = info.context["folder"] if info.context else Path()
    return Path(folder, text)


def _nothing_as_empty(value: object) -> object:
    """A list of which every item is commented out."""
    return () if value is None else value


def words(value: object, allowed: str) -> str:
    """The text that stands there, a number as it was written.

    Raises ValueError, which says what is `allowed`, for anything else.
    """
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, (dict, tuple)):
        raise ValueError(f"not one value; {allowed}")
    raise ValueError(f"{quoted(value)} is no value here; {allowed}")


def _told(parse: Callable[[str], T], text: str) -> T:
    """What pydantic can carry: it takes a ValueError for a finding, anything else for a bug."""
    try:
        return parse(text)
    except ImmapscopeError as error:
        raise ValueError(str(error)) from error


Seconds = Annotated[float, BeforeValidator(_duration)]
ListenAddress = Annotated[Address, PlainValidator(_address)]
WhoText = Annotated[str, PlainValidator(_who)]
Whos = Annotated[tuple[WhoText, ...], BeforeValidator(_nothing_as_empty)]
FilePath = Annotated[Path, PlainValidator(_path)]
