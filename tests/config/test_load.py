# SPDX-License-Identifier: GPL-2.0-or-later
"""What a configuration may say, and what each value of it means."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from immapscope.config import Config, load
from immapscope.config.reader import plain
from immapscope.settings import Address
from immapscope.snapshot import Mode
from immapscope.tracing.request import Attach
from tests.config.conftest import Loaded, Refused, Written


@pytest.mark.parametrize(
    "nothing",
    [
        "", "\n\n", "# nothing\n", "---\n", "--- # nothing\n...\n", "null\n", "{}", b"\xef\xbb\xbf",
        "exporter:\n", "exporter: {}\nfiles:\nkernel:\nlog:\ninodes:\n",
        "mode: contention\r\ninterval: 15s\r\n",
    ],
)  # fmt: skip
def test_what_is_not_said_is_the_default(loaded: Loaded, nothing: str) -> None:
    assert loaded(nothing) == Config()


def test_every_value_can_be_said(loaded: Loaded, tmp_path: Path) -> None:
    config = loaded(
        """
        mode: full
        attach: kprobe
        tree_operations: false
        interval: 1.5m
        inodes: [libc.so, '/usr/bin/*', "lib\\u00e9", 254:0:12, 7]
        files: {tracked: 2, idle_after: 1h}
        kernel: {waiting: 1, held: 1048576}
        exporter:
          listen: "[::1]:0"
          web_config_file: web.yml
          max_series: 1000000
          remembered_files: 0
          max_connections: 512
        log: {level: debug}
        """
    )
    assert config.mode is Mode.FULL
    assert (config.attach, config.tree_operations, config.interval) == ("kprobe", False, 90.0)
    assert config.inodes == ("libc.so", "/usr/bin/*", "lib\u00e9", "254:0:12", "7")
    assert (config.files.tracked, config.files.idle_after) == (2, 3600.0)
    assert (config.kernel.waiting, config.kernel.held) == (1, 1 << 20)
    assert config.exporter.listen == Address("::1", 0)
    assert config.exporter.web_config_file == tmp_path / "web.yml"
    assert (config.exporter.max_series, config.exporter.remembered_files) == (1_000_000, 0)
    assert config.exporter.max_connections == 512
    assert config.log.level == "debug"


def test_inodes_mean_what_they_mean_on_the_command_line(loaded: Loaded) -> None:
    whos = plain(loaded("inodes:\n  - libc.so\n  - 254:0:59\n"), None).whos
    assert [who.text for who in whos] == ["libc.so", "254:0:59"]
    assert plain(Config(), None).whos == ()


@pytest.mark.parametrize(
    ("text", "address", "again"),
    [
        ("127.0.0.1:10264", Address("127.0.0.1", 10264), "127.0.0.1:10264"),
        (":9100", Address("", 9100), ":9100"),
        ("localhost:1", Address("localhost", 1), "localhost:1"),
        ("'[::]:65535'", Address("::", 65535), "[::]:65535"),
        ("'[fe80::1%eth0]:0'", Address("fe80::1%eth0", 0), "[fe80::1%eth0]:0"),
    ],
)
def test_an_address_is_read_and_written(
    loaded: Loaded, text: str, address: Address, again: str
) -> None:
    listen = loaded(f"exporter:\n  listen: {text}\n").exporter.listen
    assert (listen, str(listen)) == (address, again)


@pytest.mark.parametrize(
    "text",
    ["9100", "127.0.0.1", "'127.0.0.1:'", "::1:9100", "'[nowhere]:1'", "'[1.2.3.4]:1'", "a b:1",
     "host:65536", "host:999999", "http://host:1", "host:0x10", "host:\u0661", "user@host:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(refused: Refused, text: str) -> None:
    (line,) = refused(f"exporter:\n  listen: {text}\n")
    assert line.startswith("2: exporter.listen: ")
    assert line.endswith(" is no address; write HOST:PORT, [IPv6]:PORT, or :PORT for every address")


def test_a_bare_number_of_a_duration_is_seconds(loaded: Loaded) -> None:
    assert loaded("interval: 30").interval == 30.0


@pytest.mark.parametrize("word", ["'yes'", "'no'", "'on'", "'off'", "1", "'true'", "'TRUE'"])
def test_only_true_and_false_are_true_and_false(refused: Refused, word: str) -> None:
    unquoted = word if word == "'true'" else word.strip("'")
    assert refused(f"tree_operations: {unquoted}") == [
        f"1: tree_operations: {word} is not true or false"
    ]


@pytest.mark.parametrize("word", ["0755", "1_000", "0x10", "1e3", "4096.0", "+5", "1:30", "9" * 99])
def test_only_decimal_digits_are_a_number(refused: Refused, word: str) -> None:
    (line,) = refused(f"files: {{tracked: {word}}}")
    assert line.startswith("1: files.tracked: '")
    assert line.endswith(" is no whole number")


def test_an_absolute_path_stays(loaded: Loaded) -> None:
    config = loaded("exporter: {web_config_file: /etc/web.yml}")
    assert config.exporter.web_config_file == Path("/etc/web.yml")


def test_a_relative_file_is_found_from_any_folder(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("exporter: {web_config_file: web.yml}")
    monkeypatch.chdir(path.parent)
    assert load(Path(path.name)).exporter.web_config_file == Path("web.yml")


def test_probes_are_attached_as_the_command_line_says(loaded: Loaded) -> None:
    for attach in Attach:
        assert Attach(loaded(f"attach: {attach.value}").attach) is attach


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().interval = 1.0
    with pytest.raises(ValidationError, match="frozen"):
        Config().exporter.max_series = 1
