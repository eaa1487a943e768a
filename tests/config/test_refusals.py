# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a configuration is told with its line and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from immapscope.config import Config, ConfigError, load, load_web_config
from immapscope.config.document import LARGEST_FILE
from immapscope.errors import ExitStatus, ImmapscopeError
from tests.config.conftest import Refused, Written, findings

TOP = "mode, attach, tree_operations, interval, inodes, files, kernel, exporter, log"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("intervall: 15s", "1: unknown key 'intervall'; did you mean 'interval'?"),
        ("mode: full\n\nInterval: 15s", "3: unknown key 'Interval'; did you mean 'interval'?"),
        ("inode: [a]", "1: unknown key 'inode'; did you mean 'inodes'?"),
        ("exporter:\n  max-series: 9", "2: unknown key 'max-series' in exporter; did you mean "
         "'max_series'?"),
        ("max_series: 9", "1: unknown key 'max_series'; did you mean 'exporter.max_series'?"),
        ("exporter: {idle_after: 9s}", "1: unknown key 'idle_after' in exporter; did you mean "
         "'files.idle_after'?"),
        ("colour: red", f"1: unknown key 'colour'; the keys there are {TOP}"),
        ("log:\n  colour: red", "2: unknown key 'colour' in log; the keys there are level"),
        ("'mo\\tde': x", "1: unknown key 'mo\\\\tde'; did you mean 'mode'?"),
        ("<<: {mode: full}", f"1: unknown key '<<'; the keys there are {TOP}"),
        ("5: x", f"1: unknown key '5'; the keys there are {TOP}"),
        ("mode: fast", "1: mode: 'fast' is not 'contention' or 'full'"),
        ("mode:", "1: mode: empty is not 'contention' or 'full'"),
        ("mode: [full]", "1: mode: a list is not 'contention' or 'full'"),
        ("mode:\n  full: 3", "1: mode: what is indented below it is not 'contention' or 'full'"),
        ("attach: magic", "1: attach: 'magic' is not 'mixed', 'fentry' or 'kprobe'"),
        ("log: {level: loud}", "1: log.level: 'loud' is not 'debug', 'info', 'warning' or "
         "'error'"),
        ("interval: 15 s", "1: interval: '15 s' is no duration; write 10s, 500ms, 2m or 1h"),
        ("interval:", "1: interval: empty is no value here; write 10s, 500ms, 2m or 1h"),
        ("interval: true", "1: interval: true is no value here; write 10s, 500ms, 2m or 1h"),
        ("interval: [1s]", "1: interval: not one value; write 10s, 500ms, 2m or 1h"),
        ("interval: 999ms", "1: interval: 999ms is too little; at least 1s is allowed"),
        ("interval: 2h", "1: interval: 2h is too much; at most 3600s is allowed"),
        ("files: {tracked: many}", "1: files.tracked: 'many' is no whole number"),
        ("files: {tracked: true}", "1: files.tracked: true is no whole number"),
        ("files: {tracked: '5'}", "1: files.tracked: '5' is no whole number"),
        ("files: {tracked: 1}", "1: files.tracked: 1 is too little; at least 2 is allowed"),
        ("kernel: {held: 1048577}",
         "1: kernel.held: 1048577 is too much; at most 1048576 is allowed"),
        ("kernel: {waiting: -1}", "1: kernel.waiting: -1 is too little; at least 1 is allowed"),
        ("exporter: 9100", "1: exporter: must be keys with values, each on a line of its own, "
         "indented below it"),
        ("inodes: libc.so",
         "1: inodes: must be a list, each item on a line of its own after a '- '"),
        ("inodes:\n  - libc.so\n  - lib/ld.so", "3: inodes[1]: 'lib/ld.so' is a relative path; "
         "give an absolute path or a base name"),
        ("inodes: [[a]]", "1: inodes[0]: not one value; write a base name, a glob, a path or "
         "MAJOR:MINOR:NUMBER"),
        ("exporter: {web_config_file: ''}",
         "1: exporter.web_config_file: '' is no name of a file"),
        ("mode: full\nlog:\n  level: info\nmode: full",
         "4: 'mode' is given twice, first on line 1"),
        ("log:\n  level: info\n  level: info", "3: 'level' is given twice, first on line 2"),
        ("mode: full\n\tlog: {}", "2: found character '\\t' that cannot start any token; indent "
         "with blanks, not tabs"),
        ("log:\n    level: info\n  x: 3", "3: expected <block end>, but found '<block mapping "
         "start>'; is a line indented further or less than its neighbours?"),
        ("mode: full: x", "1: mapping values are not allowed here; a value that contains ': ' "
         "goes in quotes"),
        ("mode: 'full", "1: found unexpected end of stream"),
        ("mode: full\n---\nmode: full", "2: but found another document; one file is one document"),
        ("- mode", "1: this is not keys with values, such as 'mode: contention'"),
        ("\nfull", "2: this is not keys with values, such as 'mode: contention'"),
        ("inodes: &all [a]\nx: *all", "2: an alias (*name) is not taken; write the value out"),
        ("mode: !full x", "1: a tag ('!full') is not taken"),
        ("!!set {mode}", "1: a tag ('tag:yaml.org,2002:set') is not taken"),
        ("? [mode]\n: full", "1: a key is a word, not a list or a mapping"),
        ("x: \x07", "1: character U+0007 has no place in YAML"),
        ("mode: full\nx: \0", "2: character U+0000 has no place in YAML"),
        (b"mode: full\n# caf\xe9\n", "2: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("mode: full\n".encode("utf-16"), "1: byte 0xff is not UTF-8; save the file as UTF-8"),
        ("inodes: ['\udc41']".encode("utf-8", "surrogatepass"),
         "1: byte 0xed is not UTF-8; save the file as UTF-8"),
        ("x" * 200 + ": 3", f"1: unknown key '{'x' * 40}'...; the keys there are {TOP}"),
        ("[" * 50_000, "1: nested more than 20 deep"),
        ("a: " + "{a: " * 20_000, "1: nested more than 20 deep"),
        (b" " * LARGEST_FILE + b"\n", "is larger than 100,000 bytes"),
    ],
)  # fmt: skip
def test_a_problem_is_one_line_that_helps(
    refused: Refused, content: str | bytes, line: str
) -> None:
    found = refused(content)
    assert found[0] == line


def test_every_problem_is_told_in_the_files_order(written: Written) -> None:
    path = written("log: {level: loud}\nmode: full\nx: 3\nmode: slow\nfiles:\n  tracked: 0\n")
    with pytest.raises(ConfigError) as refusal:
        load(path)
    lines = refusal.value.lines
    assert [line.removeprefix(f"{path}:").partition(":")[0] for line in lines] == list("1346")
    assert str(refusal.value) == f"{lines[0]} (and 3 more: immapscope daemon --check)"


def test_half_a_character_is_told(refused: Refused) -> None:
    assert r"""1: '\udc80' has an escape of half a character""" in refused(r'inodes: ["\udc80"]')


def test_a_line_is_what_an_editor_calls_one(refused: Refused) -> None:
    assert refused("log: {level: 'a\u2028b'}\nx: 3\n")[-1].startswith("2: unknown key")


def test_a_configuration_is_a_matter_of_usage(written: Written) -> None:
    with pytest.raises(ImmapscopeError) as refusal:
        load(written("x: 3"))
    assert refusal.value.status is ExitStatus.WRONG_USAGE


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("config.yaml/x", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(written: Written, name: str, why: str) -> None:
    folder = written("").parent
    assert findings(load, folder / name) == [f"cannot be read: {why}"]


def test_a_name_that_no_file_has_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^a\\x00b: cannot be read: no file has a NUL byte"):
        load(Path("a\0b"))


def test_the_name_of_the_file_cannot_spoil_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\udcff\x1b[2J.yaml"
    path.write_text("x: 3")
    (line,) = findings(load, path)
    assert line.isprintable()
    assert r"a\x0ab\xff\x1b[2J.yaml:1: unknown key 'x'" in line


def problems(load_it: Callable[[Path], object], path: Path) -> tuple[str, ...]:
    """None where it loads; anything but a ConfigError fails the test."""
    try:
        load_it(path)
    except ConfigError as error:
        return error.lines
    return ()


#: Pieces that YAML, or we, give a meaning to.
PIECES = [
    *"\n\t -:,[]{}&*!|>'\"%@`#?~<\\", ": ", "\n  ", "- ", "mode", "full", "inodes", "exporter",
    "max_series", "listen", "web_config_file", "15s", "0", "-1", "9" * 30, "null", "true", "---\n",
    "...\n", "&a ", "*a", "!!python/object:os.system ", "<<: ", "\\ud800", "\\0", "\0", "\ufeff",
    "\u2028", "\x85", "tls_server_config", "cert_file", "basic_auth_users", "headers", "\U0001f512",
]  # fmt: skip


@pytest.mark.parametrize("load_it", [load, load_web_config])
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(st.sampled_from(PIECES), max_size=25).map(lambda words: "".join(words).encode()),
    )
)
def test_any_file_loads_or_is_refused_in_printable_lines(
    tmp_path: Path, load_it: Callable[[Path], object], content: bytes
) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    lines = problems(load_it, path)
    assert all(line.isprintable() and line.startswith(f"{path}:") for line in lines)


VALUES = st.recursive(
    st.one_of(
        st.sampled_from(
            ["full", "15s", "':1'", "null", "true", "''", "a/b", "libc.so", "~", "9" * 25]
        ),
        st.integers().map(str),
        st.floats().map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(["level", "tracked", "listen", "x"]), inner, max_size=3
        ).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=4,
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.dictionaries(st.sampled_from([*Config.model_fields, "x"]), VALUES, max_size=4))
def test_any_value_of_any_key_loads_or_is_told_by_that_key(
    tmp_path: Path, values: dict[str, str]
) -> None:
    path = tmp_path / "any"
    path.write_text("\n".join(f"{key}: {value}" for key, value in values.items()))
    for line in problems(load, path):
        number, _, rest = line.removeprefix(f"{path}:").partition(": ")
        key = list(values)[int(number) - 1]
        assert rest.startswith((key, "unknown key "))
