# SPDX-License-Identifier: GPL-2.0-or-later
"""What a new configuration changes is known for every key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from immapscope.config import Config
from immapscope.config.document import Place
from immapscope.config.reader import plain
from immapscope.config.sections import fields
from immapscope.settings import (
    Address,
    Change,
    Settings,
    Takes,
    WebConfig,
    changes,
    needs_new_listener,
    needs_new_session,
)
from immapscope.snapshot import Mode

#: Every key with another value than its default, and what a change of it takes.
OTHER: Final[dict[Place, tuple[object, Takes]]] = {
    ("mode",): (Mode.FULL, Takes.SESSION),
    ("attach",): ("kprobe", Takes.SESSION),
    ("tree_operations",): (False, Takes.SESSION),
    ("interval",): (30.0, Takes.READING),
    ("inodes",): (("libc.so",), Takes.SESSION),
    ("files", "tracked"): (64, Takes.SESSION),
    ("files", "idle_after"): (60.0, Takes.READING),
    ("kernel", "waiting"): (64, Takes.SESSION),
    ("kernel", "held"): (64, Takes.SESSION),
    ("exporter", "listen"): (Address("", 9999), Takes.LISTENER),
    ("exporter", "web_config_file"): (Path("/etc/web.yml"), Takes.LISTENER),
    ("exporter", "max_series"): (5000, Takes.READING),
    ("exporter", "remembered_files"): (5, Takes.READING),
    ("exporter", "max_connections"): (5, Takes.LISTENER),
    ("log", "level"): ("debug", Takes.READING),
}


DEFAULT: Final = plain(Config(), None)


def with_value(place: Place, value: object) -> Settings:
    for name in reversed(place):
        value = {str(name): value}
    return plain(Config.model_validate(value), None)


def test_every_key_of_the_file_says_what_a_change_of_it_takes() -> None:
    assert {place for place, _ in fields(Config)} == OTHER.keys()


def test_a_change_is_found_by_its_key() -> None:
    for place, (value, takes) in OTHER.items():
        new = with_value(place, value)
        (change,) = changes(DEFAULT, new)
        assert (change.key, change.new, change.takes) == (".".join(map(str, place)), value, takes)
        assert needs_new_session(DEFAULT, new) is (takes is Takes.SESSION)
        assert needs_new_listener(DEFAULT, new) is (takes is Takes.LISTENER)


def test_another_web_configuration_in_the_same_file_needs_a_new_listener() -> None:
    old, new = (
        plain(Config(), WebConfig(None, {"scraper": hash_}, {})) for hash_ in (b"one", b"two")
    )
    assert needs_new_listener(old, new)
    assert not needs_new_session(old, new)


def test_the_same_configuration_changes_nothing() -> None:
    assert changes(DEFAULT, plain(Config(), None)) == ()


def test_changes_are_told_in_the_files_order() -> None:
    new = Config.model_validate({"log": {"level": "debug"}, "interval": 1.0})
    assert changes(DEFAULT, plain(new, None)) == (
        Change("interval", 15.0, 1.0, Takes.READING),
        Change("log.level", "info", "debug", Takes.READING),
    )
