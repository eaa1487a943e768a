# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope daemon --check` says whether a configuration is fine."""

from __future__ import annotations

from pathlib import Path

from immapscope.config.check import check
from immapscope.errors import ExitStatus
from tests.config.conftest import Written


def test_a_good_one_is_fine(written: Written) -> None:
    path, said = written("interval: 30s"), list[str]()
    assert check(path, said.append) is ExitStatus.FINE
    assert said == [f"{path}: fine\n"]


def test_every_problem_of_a_bad_one_is_told(written: Written) -> None:
    path, said = written("intervall: 30s\nmode: fast\n"), list[str]()
    assert check(path, said.append) is ExitStatus.WRONG_USAGE
    assert said == [
        f"{path}:1: unknown key 'intervall'; did you mean 'interval'?\n",
        f"{path}:2: mode: 'fast' is not 'contention' or 'full'\n",
    ]


def test_the_web_configuration_is_checked_too(written: Written, tmp_path: Path) -> None:
    path, said = written("exporter: {web_config_file: web.yml}"), list[str]()
    web = tmp_path / "web.yml"
    assert check(path, said.append) is ExitStatus.WRONG_USAGE
    assert said == [f"{path}: fine\n", f"{web}: cannot be read: No such file or directory\n"]
    said.clear()
    web.write_text("")
    assert check(path, said.append) is ExitStatus.FINE
    assert said == [f"{path}: fine\n", f"{web}: fine\n"]


def test_a_certificate_that_is_none_is_told(written: Written, tmp_path: Path) -> None:
    path, said = written("exporter: {web_config_file: web.yml}"), list[str]()
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: a.crt, key_file: a.key}")
    (tmp_path / "a.crt").write_text("no PEM")
    (tmp_path / "a.key").write_text("no PEM")
    assert check(path, said.append) is ExitStatus.WRONG_USAGE
    assert said[0] == f"{path}: fine\n"
    assert said[1].startswith(f"{tmp_path}/a.crt and {tmp_path}/a.key: no certificate with its key")
    assert [line.count("\n") for line in said] == [1, 1]


def test_a_file_of_any_name_is_one_line(tmp_path: Path) -> None:
    path, said = tmp_path / "a\nb", list[str]()
    path.touch()
    check(path, said.append)
    assert said == [rf"{tmp_path}/a\x0ab: fine" + "\n"]
