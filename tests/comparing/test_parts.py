# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run says of a part is told, and what it does not know is None."""

from __future__ import annotations

import pytest

from immapscope.comparing.parts import Part, Parts, Scope
from tests.comparing.made import changes, document, of_files, read, row, run


def of(made: dict[str, object], scope: Scope, name: str) -> Part | None:
    return Parts(read(made)).part(scope, name)


@pytest.mark.parametrize(
    ("scope", "name", "waited", "acquisitions", "changed"),
    [
        (Scope.ALL, "", 2.0, 1200, 1000),
        (Scope.FILE, "libc.so.6", 2.0, 1200, 1000),
        (Scope.NODE, "1", 1.2, 800, 500),
        (Scope.OPERATION, "insert", 1.4, 800, 0),
        (Scope.CAUSE, "exit", 0.6, 400, 0),
        # It is known that nothing was waited for.
        (Scope.FILE, "bash", 0.0, 0, 0),
        (Scope.NODE, "7", 0.0, 0, 0),
    ],
)
def test_a_part_is_the_sum_of_its_rows(
    scope: Scope, name: str, waited: float, acquisitions: int, changed: int
) -> None:
    part = of(run(), scope, name)
    assert part is not None
    assert part.wait_seconds == pytest.approx(waited)
    assert (part.acquisitions, part.changes) == (acquisitions, changed)


def test_only_what_waited_is_named() -> None:
    parts = Parts(read(of_files({"libc.so.6": 1.5, "bash": 0.0})))
    assert parts.names(Scope.FILE) == {"libc.so.6": 1.5}
    assert parts.names(Scope.CAUSE) == {"mmap": 1.5}


def test_quantiles_are_read_off_the_buckets() -> None:
    # 10 waits to 1 ms, 60 to 8 ms, 30 to the longest, three times each.
    part = Parts(read(run())).all
    assert part.quantile(0.5) == pytest.approx(0.001 + 0.007 * 40 / 60)
    assert part.quantile(0.99) == pytest.approx(0.008 + 0.024 * 29 / 30)
    assert part.quantile(1) == part.longest == pytest.approx(0.032)


def test_where_nothing_waited_there_is_no_tail() -> None:
    part = Parts(read(of_files({"libc.so.6": 0.0}))).all
    assert (part.quantile(0.5), part.quantile(0.99), part.longest) == (None, None, None)
    assert (part.wait_seconds, part.acquisitions) == (0, 400)


def test_waits_above_every_bound_end_with_the_longest() -> None:
    slow = row("libc.so.6", 0, "insert", "mmap", 250.0)
    slow["wait_buckets"]["count"] = [0, 0, 100]
    part = Parts(read(document([slow], [changes("libc.so.6", 0, 1)]))).all
    assert part.quantile(0.5) == pytest.approx(0.008 + (10 - 0.008) / 2)


def test_what_is_behind_the_top_may_be_of_any_part() -> None:
    made = run()
    made["rows"].append({**row(None, 0, "insert", "mmap", 1.0), "rest_of": 12})
    parts = Parts(read(made))
    assert parts.part(Scope.FILE, "libc.so.6") is None
    assert parts.names(Scope.FILE) == {}
    assert parts.all.wait_seconds == pytest.approx(3)


def test_a_file_that_is_missed_may_be_beyond_the_slots() -> None:
    made = run()
    made["rows"].append(row(None, 0, "insert", "mmap", 1.0))
    assert of(made, Scope.FILE, "bash") is None
    assert of(made, Scope.FILE, "libc.so.6") is not None
    assert of(made, Scope.NODE, "7") is not None


def test_what_rows_are_not_grouped_by_is_not_known() -> None:
    made = run(by=["inode"])
    assert of(made, Scope.NODE, "0") is None
    assert of(made, Scope.FILE, "libc.so.6") is not None


def test_what_was_not_counted_is_not_zero() -> None:
    made = run()
    made["totals"]["acquisitions"] = None
    for one in made["rows"]:
        one["acquisitions"] = None
    for name in ("libc.so.6", "bash"):
        part = of(made, Scope.FILE, name)
        assert part is not None
        assert part.acquisitions is None
