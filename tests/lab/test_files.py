# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file is meant, and how it is called, whatever its name and wherever it lies."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import file_storm
import pytest
from file_storm import COUNTS, HOSTILE
from tracing import Json, Report, agent, is_file, new_file, trace


@dataclass(frozen=True)
class Files:
    report: Report
    merged: Report
    isolated: Report


@pytest.fixture(scope="module")
def files() -> Files:
    for folder in ("one", "two", "hostile", "lower", "upper", "work", "merged"):
        Path(folder).mkdir()
    for name in ("one/same", "two/same", "linked", "going", "lower/layered"):
        new_file(name, pages=1)
    for hostile in HOSTILE:
        Path(os.fsdecode(b"hostile/" + hostile)).write_bytes(bytes(4096))
    os.link("linked", "also-linked")
    layers = "lowerdir=lower,upperdir=upper,workdir=work"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "none", "merged"], check=True)
    driver = [sys.executable, str(Path(file_storm.__file__))]
    report = trace(["--mode", "full"], [*driver, "all"])
    merged = trace(["--inode", str(Path("merged/layered").absolute())], [*driver, "layered"])
    isolated = trace(
        ["--inode", str(Path("merged/layered").absolute())], [*driver, "layered"],
        inside=["unshare", "--pid", "--fork", "--mount-proc"],
    )  # fmt: skip
    return Files(report, merged, isolated)


def acquisitions(files: Files, path: str) -> int:
    return files.report.total("acquisitions", Path(path).absolute())


def test_two_files_of_one_name_are_two(files: Files) -> None:
    assert acquisitions(files, "one/same") == 2 * COUNTS["one/same"]
    assert acquisitions(files, "two/same") == 2 * COUNTS["two/same"]


def test_a_hard_link_is_the_same_file(files: Files) -> None:
    both = 2 * (COUNTS["linked"] + COUNTS["also-linked"])
    assert acquisitions(files, "linked") == acquisitions(files, "also-linked") == both


def test_a_deleted_file_keeps_its_row_and_says_so(files: Files) -> None:
    going: list[Json] = [
        row for row in files.report.rows() if row["inode"] and row["inode"]["name"] == "going"
    ]
    assert sum(row["acquisitions"] for row in going) == 2 * COUNTS["going"]
    assert all(row["inode"]["deleted"] for row in going)


def test_a_file_on_overlayfs_is_found_by_its_merged_path(files: Files) -> None:
    assert sum(row["acquisitions"] for row in files.merged.rows()) == 2 * COUNTS["layered"]
    # The lock is that of the file beneath, which has the device and number of its own file system.
    assert all(is_file(row["inode"], Path("lower/layered")) for row in files.merged.rows())
    assert {row["inode"]["path"] for row in files.merged.rows()} == {
        str(Path("merged/layered").absolute())
    }


def test_a_path_means_the_same_in_a_pid_namespace_of_its_own(files: Files) -> None:
    assert sum(row["acquisitions"] for row in files.isolated.rows()) == 2 * COUNTS["layered"]
    assert all(is_file(row["inode"], Path("lower/layered")) for row in files.isolated.rows())


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_comes_back_byte_for_byte_from_json(files: Files, name: bytes) -> None:
    path = Path(os.fsdecode(b"hostile/" + name)).absolute()
    rows = files.report.rows(path)
    assert {os.fsencode(row["inode"]["name"]) for row in rows} == {name}
    assert sum(row["acquisitions"] for row in rows) == 2 * COUNTS["hostile"]


def test_no_name_disturbs_the_terminal() -> None:
    driver = [sys.executable, str(Path(file_storm.__file__)), "hostile"]
    done = agent("trace", "--top", "200", "--", *driver)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert all(character == "\n" or character.isprintable() for character in done.stdout)
    assert r"\x1b" in done.stdout
