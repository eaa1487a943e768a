# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench as a command: what is run, what is written, what grew, and which runs agree."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import cache
from lab.bench import __main__ as bench
from lab.bench import lock_stat, parts, plan, quick, whole
from lab.bench.plan import Guest
from lab.errors import LabError
from tests.lab_unit.benched import failed, one


def quick_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, full: float, free: float) -> int:
    """Its status where empty programs add a tenth, full mode so many times that, and `free`."""
    committed = tmp_path / "committed.json"
    committed.write_text(json.dumps({"full": 1.5}))
    under = {"full-empty": 1100, "full": 1000 + 100 * full, "contention-without-trees": free}

    def measured(
        kernel: str, names: Sequence[str], works: Sequence[str], rounds: int, *, counted: bool
    ) -> list[Any]:
        assert counted
        assert under.keys() <= set(names)
        return [one(name, 1000, instructions) for name, instructions in under.items()]

    monkeypatch.setattr(quick, "COMMITTED", committed)
    monkeypatch.setattr(quick, "measure", measured)
    return bench.main(["--quick"])


@pytest.mark.parametrize(("grown", "status"), [(1.09, 0), (1.11, 1)])
def test_a_session_that_costs_a_tenth_more_is_told(
    grown: float,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert quick_status(monkeypatch, tmp_path, 1.5 * grown, 1001) == status
    printed = capsys.readouterr()
    assert ("grown: full" in printed.err) == bool(status)
    assert f"{2 - status} passed, {status} failed" in printed.out


def test_what_should_be_free_is_held_to_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick_status(monkeypatch, tmp_path, 1.5, 1006) == 1
    assert "grown: contention-without-trees: 1.0060, not 1.005" in capsys.readouterr().err


def busy(name: str, bare: float, under: float) -> dict[str, Any]:
    """A pair of each work of COUNTED."""
    pair = one(name, bare, under)
    for which in ("bare", "under"):
        pair[which] = dict.fromkeys(plan.COUNTED, pair[which]["exec"])
    return {**pair, "memory_bytes": 1_000_000}


RUN = {
    "counted": [
        busy("full-empty", 1000, 1100), busy("full", 1001, 1150),
        busy("full-empty", 1000, 1101), busy("full", 1000, 1152),
    ],
    "storm": [one("full", 1e9, 1.2e9), one("full", 1.1e9, 1.2e9), failed("klockstat", "no", 1e9)],
}  # fmt: skip


def keep(folder: Path, measured: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, content in measured.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    # What else lies there is none of its figures.
    (folder / "trace.json").write_text("{}")
    return folder


def test_two_runs_of_the_same_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep(tmp_path / "one", RUN)
    assert bench.main(["--agrees", str(folder), str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    # Four works counted of which three have ratios, for two; a ratio and what is added of a storm.
    assert lines[-1] == "16 of 16 figures agree"
    assert any(line.startswith("agree   storm, full, exec, ratio: 1.") for line in lines)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (
            [busy("full-empty", 1000, 1100)] * 2 + [busy("full", 1000, 1300)] * 2,
            "full, exec, ratio",
        ),
        ([busy("full-empty", 1000, 1100)] * 2, "full, mmap, added"),
    ],
)
def test_a_figure_outside_its_interval_or_missing_is_told(
    other: list[Any], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [keep(tmp_path / "one", RUN), keep(tmp_path / "two", {**RUN, "counted": other})]
    assert bench.main(["--agrees", *map(str, folders)]) == 1
    assert f"DIFFER  counted, {name}: " in capsys.readouterr().out


def test_where_nothing_is_kept_nothing_agrees(tmp_path: Path) -> None:
    assert bench.main(["--agrees", str(tmp_path), str(tmp_path)]) == 70


def test_what_was_kept_is_written_into_its_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- contended -->\nold\n<!-- end -->\nand <!-- tools -->\nold\n<!-- end -->\n"
    )
    parts.write(parts.parts(RUN), [page])
    text = page.read_text()
    assert "| nothing, twice | " in text
    assert "| klockstat | no |" in text
    # It did not run, so its place stays as it is.
    assert text.endswith("and <!-- tools -->\nold\n<!-- end -->\n")


def test_every_place_of_the_pages_is_one_that_a_guest_fills() -> None:
    text = "".join(path.read_text() for path in parts.PAGES)
    for name in (
        "instructions", "above empty", "events of full mode", "events of contention mode",
        "waits of full mode", "waits of contention mode",
        "full maps", "scale", "lock_stat", "contended", "tools", "spun", "lockup", "picture",
    ):  # fmt: skip
        assert f"<!-- {name} -->" in text


def test_a_picture_is_drawn_of_what_was_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (link,) = parts.picture(RUN, tmp_path)
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")
    assert link.endswith("/cost.png)")


def test_lock_stat_is_over_a_kernel_without_it() -> None:
    measured = {
        "without": [busy("nothing", 1000, 1001), busy("nothing", 1000, 1000)],
        "counting": [
            {**busy("lock_stat", 1500, 2000), "memory_bytes": 400_000},
            {"contender": "lock_stat", "bare": dict.fromkeys(plan.COUNTED, 1500),
             "memory_bytes": 400_000, "failed": "no"},
        ],
    }  # fmt: skip
    single, off, on = lock_stat.contenders(measured, plan.COUNTED)
    assert (single.name, off.name, on.name) == ("single", "LOCK_STAT, off", "LOCK_STAT, counting")
    assert off.ratios["exec"].mean == pytest.approx(1.5)
    assert on.ratios["exec"].mean == pytest.approx(2.0)
    assert on.ratios["exec"].pairs == 1
    # Two boots of one kernel differ, which no pair of one boot can show.
    exec_ = off.ratios["exec"]
    assert exec_.low is not None
    assert exec_.low <= 1.5 * (1 - 0.003)
    assert off.told == {"kernel_bytes": 600_000}
    rows = parts.parts({"lock_stat": measured})["lock_stat"]
    assert len({row.count("|") for row in rows}) == 1


def guests(monkeypatch: pytest.MonkeyPatch, **measure: Callable[[str, int | None], Any]) -> None:
    monkeypatch.setattr(
        whole, "GUESTS", {name: Guest(one, alone=True) for name, one in measure.items()}
    )


def test_a_guest_that_fails_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(kernel: str, rounds: int | None) -> Any:
        raise LabError("it died")

    guests(monkeypatch, storm=dies, accuracy=lambda kernel, rounds: [kernel, rounds])
    # Of a run before, which is not what was asked for.
    (tmp_path / "storm.json").write_text("[1]")
    measured, failed = whole.whole("stock-6.12", ["storm", "accuracy"], 4, tmp_path)
    assert measured == {"accuracy": ["stock-6.12", 4]}
    assert failed == ["storm: it died"]
    assert json.loads((tmp_path / "accuracy.json").read_text()) == ["stock-6.12", 4]


def test_where_every_guest_fails_each_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dies(kernel: str, rounds: int | None) -> Any:
        raise LabError("it died")

    guests(monkeypatch, storm=dies)
    assert bench.main(["--only", "storm", "--keep", str(tmp_path)]) == 70
    assert capsys.readouterr().err == "bench: storm: it died\n"


def test_who_counts_instructions_goes_beside_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In place of a Python: what is asked of it, and one of the two fails.
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nif [ "$4" = scale ]; then echo no room; exit 70; fi\n'
        'echo "[\\"$4\\"]" > "$6/$4.json"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    folder = tmp_path / "kept"
    measured, failed = whole.whole("stock-6.12", ["counted", "scale"], None, folder)
    assert measured == {"counted": ["counted"]}
    assert failed == [f"scale: ended with status 70, see {folder / 'scale.log'}: no room"]


def test_kernels_of_our_own_are_built_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/built\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    one_of_ours = Guest(lambda kernel, rounds: (tmp_path / "built").read_text(), True, ("a", "b"))
    monkeypatch.setattr(whole, "GUESTS", {"lockup": one_of_ours})
    measured, failed = whole.whole("stock-6.12", ["lockup"], None, tmp_path / "kept")
    assert (measured, failed) == ({"lockup": "-m lab.kernels a b\n"}, [])


def test_figures_that_nobody_keeps_are_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "directory", lambda: tmp_path)
    guests(monkeypatch, storm=lambda kernel, rounds: RUN["storm"])
    assert bench.main(["--only", "storm"]) == 0
    assert "| nothing, twice | " in capsys.readouterr().out
