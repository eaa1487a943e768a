# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad usage and a machine that cannot be traced are told in one line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from immapscope import __version__
from immapscope.preflight import Host, inspect
from tests.cli.machines import Command, Result
from tests.kernel.saved import DATA


def is_one_line(result: Result) -> bool:
    return (
        result.out == ""
        and result.err.startswith("immapscope: ")
        and result.err.count("\n") == 1
        and result.err.endswith("\n")
        and result.err[:-1].isprintable()
    )


@pytest.mark.parametrize(
    ("words", "telling"),
    [
        (["--colour"], "No such option"),
        (["trcae"], "No such command 'trcae'"),
        (["trace", "--inodes", "libc.so"], "No such option"),
        (["trace", "--mode", "fast"], "'fast' is not one of 'contention', 'full'"),
        (["trace", "--mode"], "requires an argument"),
        (["trace", "--duration", "0"], "'0' is not between 1ms and a year"),
        (["trace", "--duration", "0.0s"], "not between"),
        (["trace", "--duration", "-3s"], "'-3s' is no duration; write 10s"),
        (["trace", "--duration", "soon"], "'soon' is no duration"),
        (["trace", "--duration", ""], "'' is no duration"),
        (["trace", "--duration", "1e9"], "no duration"),
        (["trace", "--duration", "nan"], "no duration"),
        (["trace", "--duration", "\u0663s"], "no duration"),
        (["trace", "--duration", "9000h"], "not between 1ms and a year"),
        (["trace", "--interval", "0ms"], "Invalid value for '--interval'"),
        (["trace", "--by", "file"], "unknown key 'file'; the keys are inode, shard, node"),
        (["trace", "--by", ""], "--by is empty"),
        (["trace", "--by", "node,node"], "'node' is given twice"),
        (["trace", "--sort", "size"], "unknown key 'size'"),
        (["trace", "--mode", "contention", "--sort", "hold"], "contention mode does not count it"),
        (["trace", "--top", "0"], "Invalid value for '--top'"),
        (["trace", "--top", "all"], "'all' is not a valid integer"),
        (["trace", "--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'folded'"),
        (["trace", "--attach", "magic"], "'magic' is not one of"),
        (["trace", "--max-files", "1"], "Invalid value for '--max-files'"),
        (["trace", "--max-states", "0"], "Invalid value for '--max-states'"),
        (["trace", "--inode", ""], "is empty"),
        (["trace", "--inode", "lib/libc.so"], "'lib/libc.so' is a relative path"),
        (["trace", "--inode", "./libc.so"], "relative path"),
        (["trace", "--inode", "x" * 256], "is 256 bytes long; a file name has at most 255"),
        (["trace", "--inode", "/usr/" + "\u00e9" * 128], "is 256 bytes long"),
        (["trace", "--inode", b"x/\xff"], "is a relative path"),
        (["trace", "--inode", "libc.so", "--inode", "a/b"], "'a/b' is a relative path"),
        (["trace", "--format", "folded", "--interval", "1s"], "leave out --interval"),
        (["trace", "--format", "folded", "--by", "cause"], "leave out"),
        (["trace", "--output", "/nowhere/out"], "No such file or directory"),
        (["trace", "--output", "/proc"], "Is a directory"),
        (["trace", "--output", ""], "name a file that can be written"),
        (["trace", "--output", "a\0b"], "NUL"),
        (["doctor", "--format", "xml"], "'xml' is not one of 'table', 'json'"),
        (["doctor", "now"], "unexpected extra argument"),
        (["trace", "--in\node"], "No such option"),
        (["trace", b"--\xff\x1b[31m"], "No such option"),
        (["trace", "--mode", "\x1b[2J"], "is not one of"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("untraceable")
def test_bad_usage_is_one_line_and_2(
    immapscope: Command, words: list[str | bytes], telling: str
) -> None:
    result = immapscope(*words)
    assert telling in result.err
    assert result.status == 2
    assert is_one_line(result)


def test_an_option_is_named_once(immapscope: Command) -> None:
    assert immapscope("trace", "--by", "file").err.count("--by") == 1


def test_help_is_pointed_to_where_it_would_help(immapscope: Command) -> None:
    assert immapscope("trace", "--colour").err.endswith("(see immapscope trace --help)\n")


@pytest.mark.usefixtures("untraceable")
def test_a_machine_that_cannot_be_traced_is_one_line_and_3(immapscope: Command) -> None:
    result = immapscope("trace", "--inode", "libc.so")
    assert (result.status, is_one_line(result)) == (3, True)
    assert result.err == (
        "immapscope: this machine cannot be traced: privileges: user 1000; "
        "run as root: sudo immapscope ... (1 more: immapscope doctor)\n"
    )


@pytest.mark.usefixtures("untraceable")
def test_a_command_is_not_run_on_a_machine_that_cannot_be_traced(
    immapscope: Command, tmp_path: Path
) -> None:
    assert immapscope("trace", "--", "touch", tmp_path / "ran").status == 3
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The root of a host on which nothing but BTF and symbols is as it should be."""
    saved = DATA / "btf" / "stock-6.12"
    (tmp_path / "sys/kernel/btf").mkdir(parents=True)
    (tmp_path / "sys/kernel/btf/vmlinux").write_bytes((saved / "btf").read_bytes())
    (tmp_path / "sys/bus/event_source/devices/kprobe").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("CapEff:\t000001ffffffffff\n")
    (tmp_path / "proc/kallsyms").write_bytes((saved / "symbols").read_bytes())
    return tmp_path


def on(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    host = Host(root, machine=lambda: "x86_64", has_module=lambda name: True)
    monkeypatch.setattr("immapscope.preflight.inspect", lambda kprobes: inspect(host, kprobes))


def test_not_root_is_one_line_and_3(
    immapscope: Command, monkeypatch: pytest.MonkeyPatch, host: Path
) -> None:
    (host / "proc/self/status").write_text("CapEff:\t0000000000000000\n")
    on(monkeypatch, host)
    result = immapscope("trace")
    assert (result.status, is_one_line(result)) == (3, True)
    assert "run as root" in result.err


def test_no_btf_is_one_line_and_3(
    immapscope: Command, monkeypatch: pytest.MonkeyPatch, host: Path
) -> None:
    (host / "sys/kernel/btf/vmlinux").unlink()
    on(monkeypatch, host)
    result = immapscope("trace")
    assert (result.status, is_one_line(result)) == (3, True)
    assert "CONFIG_DEBUG_INFO_BTF" in result.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["-h"],
        ["trace", "--help"],
        ["trace", "-h"],
        ["doctor", "--help"],
        ["daemon", "--help"],
        ["top", "--help"],
    ],
)
def test_help_fits_a_terminal_of_80_columns(
    immapscope: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = immapscope(*words)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Usage: immapscope ")
    assert max(map(len, result.out.splitlines())) <= 80
    # Nothing is cut off, and every option says what it does.
    assert "..." not in result.out.replace("[ARGS]...", "").replace("COMMAND...", "")


def test_alone_it_prints_its_help(immapscope: Command) -> None:
    assert immapscope().out == immapscope("--help").out


def test_help_names_every_option_of_trace(immapscope: Command) -> None:
    shown = immapscope("trace", "--help").out
    for option in (
        "--inode WHO", "--duration TIME", "--interval TIME", "--mode MODE", "--by KEYS", "--top N",
        "--sort KEY", "--format FORMAT", "--output FILE", "[-- COMMAND...]",
    ):  # fmt: skip
        assert option in shown


def test_it_tells_its_version(immapscope: Command) -> None:
    result = immapscope("--version")
    assert (result.status, result.out) == (0, f"immapscope, version {__version__}\n")
