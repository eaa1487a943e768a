# SPDX-License-Identifier: GPL-2.0-or-later
"""`compare` from the command line: what it says, what it refuses, and how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cli.machines import Command
from tests.comparing.made import of_files, run, side
from tests.recording.made import HEADER, records, storm, write


@pytest.fixture
def same(tmp_path: Path) -> tuple[Path, Path]:
    """Five runs on each side of one kernel."""
    random = Random(1)
    return side(tmp_path / "a", 5, random), side(tmp_path / "b", 5, random)


@pytest.fixture
def worse(tmp_path: Path) -> tuple[Path, Path]:
    """B waits a fifth more."""
    random = Random(2)
    return side(tmp_path / "one", 6, random), side(tmp_path / "other", 6, random, scale=1.2)


def test_a_regression_is_told_and_is_bad_news(
    immapscope: Command, worse: tuple[Path, Path]
) -> None:
    result = immapscope("compare", *worse, "--fail-above", "5%")
    assert result.status == 1
    assert "B is worse" in result.out
    assert result.err.splitlines()[0] == (
        "immapscope: all files: wait per tree operation is worse by more than 5 %"
    )
    assert immapscope("compare", *worse, "--fail-above", "50 %").status == 0
    assert immapscope("compare", *worse).status == 0


def test_no_difference_is_said_as_readily(immapscope: Command, same: tuple[Path, Path]) -> None:
    result = immapscope("compare", *same, "--fail-above", "1%")
    assert (result.status, result.err) == (0, "")
    assert "No difference that these runs can show" in result.out


def _folder(path: Path, runs: Iterable[dict[str, Any]]) -> Path:
    path.mkdir()
    for number, one in enumerate(runs):
        (path / f"{number}.json").write_text(json.dumps(one))
    return path


def _waits(*seconds: float) -> list[dict[str, Any]]:
    return [of_files({"libc.so.6": one}) for one in seconds]


@pytest.mark.parametrize("form", ["table", "json", "mail"])
def test_runs_without_a_wait_are_no_error(immapscope: Command, tmp_path: Path, form: str) -> None:
    sides = [_folder(tmp_path / name, _waits(*[0] * 5)) for name in ("a", "b")]
    result = immapscope("compare", *sides, "--format", form, "--fail-above", "1%")
    assert (result.status, result.err) == (0, "")
    told = " ".join(result.out.split())
    assert "No difference that these runs can show: B's wait per tree operation is 0, as" in told


def test_what_waits_where_nothing_did_is_a_regression(immapscope: Command, tmp_path: Path) -> None:
    a = _folder(tmp_path / "a", _waits(*[0] * 5))
    b = _folder(tmp_path / "b", _waits(0.1, 0.2, 0.3, 0.4, 0.5))
    result = immapscope("compare", a, b, "--fail-above", "1000%")
    assert result.status == 1
    assert result.err.startswith("immapscope: all files: wait per tree operation is worse")
    told = " ".join(result.out.split())
    assert (
        "B is worse: its wait per tree operation is 300 us, and A's is 0 (Mann-Whitney p = 0.008, "
        "Cliff's delta +1.00)."
    ) in told


def test_an_interval_without_an_upper_end_has_its_lower_one(
    immapscope: Command, tmp_path: Path
) -> None:
    a = _folder(tmp_path / "a", _waits(0, 0, 0, 0, 0.001))
    b = _folder(tmp_path / "b", _waits(0.1, 0.2, 0.3, 0.4, 0.5))
    result = immapscope("compare", a, b, "--format", "json", "--fail-above", "1000%")
    assert result.status == 1
    low, high = json.loads(result.out)["measures"][0]["interval"]
    assert low > 11
    assert high is None
    for form in ("table", "mail"):
        assert f">= {low:.3g}" in immapscope("compare", a, b, "--format", form).out


@pytest.mark.parametrize("form", ["table", "mail"])
def test_all_of_a_part_is_told_where_it_is_asked_for(
    immapscope: Command, worse: tuple[Path, Path], form: str
) -> None:
    told = {
        detail: immapscope("compare", *worse, "--format", form, *detail).out
        for detail in ((), ("--detail",))
    }
    # Of all together, and of a file, two nodes and two operations; waits of three causes too.
    counts = {"acquisitions per exec": (1, 6), "median wait": (1, 9), "longest wait": (1, 9)}
    for what, (few, many) in counts.items():
        assert [one.count(what) for one in told.values()] == [few, many]


@pytest.mark.parametrize("form", ["table", "json", "mail"])
def test_too_few_runs_for_so_many_parts_are_told(
    immapscope: Command, tmp_path: Path, form: str
) -> None:
    files = {f"lib{number}.so": 1.0 for number in range(10)}
    sides = [_folder(tmp_path / name, [of_files(files)] * 5) for name in ("a", "b")]
    told = " ".join(immapscope("compare", *sides, "--format", form).out.split())
    assert "none of the 10 files can be called different by so few runs: that takes 6 of" in told
    assert "other measures" not in told


def test_what_only_walks_waited_for_says_what_it_is_told_by(
    immapscope: Command, tmp_path: Path
) -> None:
    made = [of_files({"libc.so.6": 1.0, "data": 0.5}, {"data": 0})] * 4
    sides = [_folder(tmp_path / name, made) for name in ("a", "b")]
    for form in ("table", "mail"):
        told = immapscope("compare", *sides, "--format", form).out
        assert "data (of all)" in told
        assert "(of all): for each tree operation of all files" in " ".join(told.split())
    (data,) = (
        one
        for one in json.loads(immapscope("compare", *sides, "--format", "json").out)["measures"]
        if (one["name"], one["what"]) == ("data", "wait per tree operation")
    )
    assert data["per_tree_operation_of"] == "all"


@pytest.mark.parametrize("form", ["table", "json", "mail"])
def test_each_form_has_every_measure(
    immapscope: Command, worse: tuple[Path, Path], form: str
) -> None:
    told = immapscope("compare", *worse, "--format", form).out
    for what in ("acquisitions per exec", "99th percentile wait", "libc.so.6", "insert", "exit"):
        assert what in told


@pytest.mark.parametrize("times", [1.2, 1e-4, 0.001234, 123456, 2e6])
def test_a_mail_fits_72_columns_whatever_the_names_and_numbers(
    immapscope: Command, tmp_path: Path, times: float
) -> None:
    name = "\x1b[31m" + "x" * 200 + "\udcff\n"
    for folder, scale in (("a", 1.0), ("b", times)):
        (tmp_path / folder).mkdir()
        for number in range(4):
            text = json.dumps(run((1 + number / 10) * scale, name))
            (tmp_path / folder / f"{number}.json").write_text(text)
    sides = tmp_path / "a", tmp_path / "b"
    told = immapscope("compare", *sides, "--format", "mail", "--detail").out
    assert max(map(len, told.splitlines())) <= 72
    assert "\x1b" not in told
    assert "\\x1b[31m" in told


def test_its_json_is_all_there_is(immapscope: Command, worse: tuple[Path, Path]) -> None:
    document = json.loads(immapscope("compare", *worse, "--format", "json").out)
    assert document["verdict"] == "worse"
    headline = document["measures"][0]
    assert headline["ratio"] == pytest.approx(1.2, rel=0.1)
    low, high = headline["interval"]
    assert low < headline["ratio"] < high
    # From the buckets: 10 waits to 1 ms, 60 to 8 ms, 30 to the longest, three times each.
    median = next(one for one in document["measures"] if one["what"] == "median wait")
    assert median["mean_a"] == pytest.approx(0.001 + 0.007 * 40 / 60, rel=0.01)


def test_what_one_side_did_not_measure_is_left_out(immapscope: Command, tmp_path: Path) -> None:
    contention = run(mode="contention")
    contention["totals"]["acquisitions"] = None
    for row in contention["rows"]:
        row["acquisitions"] = None
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(contention))
    told = immapscope("compare", tmp_path / "a.json", tmp_path / "b.json").out
    assert "acquisitions per exec" not in told
    assert "4 of each side are the least that can" in " ".join(told.split())


def test_recordings_are_runs_too(immapscope: Command, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path / f"{name}.parquet", [records(storm(seed, 500))], replace(HEADER, execs=9))
    result = immapscope("compare", tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert result.status == 0
    assert "libc.so.6" in result.out


def _kernel(**changed: Any) -> dict[str, Any]:
    kernel: dict[str, Any] = run()["kernel"]
    return kernel | changed


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (run(mode="contention"), "mode: 'full' in"),
        (run(by=["inode"]), "--by: "),
        (run(kernel=_kernel(cpus=8)), "machine: '2 nodes, 4 CPUs' in"),
        (run(duration_seconds=30.0), "duration: 10 s in"),
        (run(command=["make", "-j64"]), "workload: no command in"),
        (
            run(loss={"exit_missed": {"unit": "waits", "count": 99, "upper_bound": False}}),
            "loss: 24.8 % of the waits in",
        ),
    ],
)
def test_what_is_no_comparison_is_refused_by_name(
    immapscope: Command, tmp_path: Path, other: dict[str, Any], why: str
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(run()))
    (tmp_path / "b.json").write_text(json.dumps(other))
    result = immapscope("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert why in line
    assert "--anyway" in line
    told = immapscope("compare", tmp_path / "a.json", tmp_path / "b.json", "--anyway")
    assert told.status == 0
    assert why in " ".join(told.out.split())


def _pair(folder: Path, a: dict[str, Any], b: dict[str, Any]) -> tuple[Path, Path]:
    for name, document in (("a", a), ("b", b)):
        (folder / f"{name}.json").write_text(json.dumps(document))
    return folder / "a.json", folder / "b.json"


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        # Words are compared, not the line that they make.
        (["cp", "a b"], ["cp", "a", "b"], "workload: \"cp 'a b'\" in"),
        (["sh"], None, "workload: 'sh' in"),
    ],
)
def test_what_ran_something_else_is_refused(
    immapscope: Command, tmp_path: Path, a: list[str] | None, b: list[str] | None, why: str
) -> None:
    result = immapscope("compare", *_pair(tmp_path, run(command=a), run(command=b)))
    assert (result.status, result.out) == (2, "")
    assert why in result.err


def test_the_same_work_may_take_longer(immapscope: Command, tmp_path: Path) -> None:
    ran = ["make", "-j64"]
    sides = _pair(tmp_path, run(command=ran), run(duration_seconds=30.0, command=ran))
    assert immapscope("compare", *sides).status == 0


def test_a_command_of_one_side_is_no_reason_to_let_durations_pass(
    immapscope: Command, tmp_path: Path
) -> None:
    sides = _pair(tmp_path, run(command=["make"]), run(duration_seconds=30.0))
    told = immapscope("compare", *sides, "--anyway", "--format", "json").out
    assert [one.partition(":")[0] for one in json.loads(told)["warnings"]] == [
        "workload", "duration",
    ]  # fmt: skip


def test_a_recording_ran_what_its_trace_would_tell(immapscope: Command, tmp_path: Path) -> None:
    header = replace(HEADER, execs=9, command=("make",))
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", [records(storm(1, 500))], header)
    document = immapscope("report", tmp_path / "b.parquet", "--format", "json").out
    (tmp_path / "b.json").write_text(document)
    assert immapscope("compare", tmp_path / "a.parquet", tmp_path / "b.json").status == 0
    (tmp_path / "b.json").write_text(document.replace('["make"]', '["true"]'))
    result = immapscope("compare", tmp_path / "a.parquet", tmp_path / "b.json")
    assert result.status == 2
    assert "workload: 'make' in" in result.err


def _text(text: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "no .json or .parquet in this folder"),
        (_text("{"), "is neither JSON of trace nor a recording: Expecting"),
        (lambda path: path.write_bytes(b"\xf0\x28"), "a recording: it is not text"),
        (_text("[]"), "its schema is None"),
        (_text('{"schema": 2}'), "its schema is 2"),
        (
            _text('{"schema": 1}'),
            "is not what `trace --format json` prints: kernel: Field required",
        ),
        (_text(json.dumps(run(rows=[{}]))), "rows.0."),
        (
            _text(json.dumps(run()).replace('"count": [10, 60, 30]', '"count": [10, 60]')),
            "rows.0.wait_buckets: Value error, a histogram has one count more than bounds",
        ),
        (_text(json.dumps(run()) + json.dumps(run())), "holds several documents"),
        (_text(json.dumps(run(tree_operations=[]))), "no tree operation was counted"),
        (_text("PAR1 and no more"), "is no recording"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    immapscope: Command, tmp_path: Path, make: Callable[[Path], Any], why: str
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(run()))
    make(tmp_path / "b.json")
    result = immapscope("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert why in line


@pytest.mark.parametrize("share", ["10", "-5%", "ten%", "%"])
def test_a_share_is_percent(immapscope: Command, same: tuple[Path, Path], share: str) -> None:
    result = immapscope("compare", *same, "--fail-above", share)
    assert result.status == 2
    assert "write it like 10%" in result.err


def test_pairs_need_as_many_of_each(immapscope: Command, tmp_path: Path) -> None:
    random = Random(1)
    sides = side(tmp_path / "a", 3, random), side(tmp_path / "b", 2, random)
    result = immapscope("compare", *sides, "--repeat")
    assert result.status == 2
    assert "pairs need as many" in result.err
