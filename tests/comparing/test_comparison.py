# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sides compared: what sets in is judged, what is quiet is told, nothing is made up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import Any

import pytest

from immapscope.comparing.comparison import Compared, Comparison, Verdict, compare
from immapscope.comparing.measures import HEADLINE, MOST_FILES, MOST_ONE_SIDED, Per
from immapscope.comparing.parts import PARTS, Scope
from immapscope.errors import UsageError
from tests.comparing.made import of_files, read, run

Plain = dict[str, Any]


def compared(a: Sequence[Plain], b: Sequence[Plain], paired: bool = False) -> Comparison:
    return compare([read(one) for one in a], [read(one) for one in b], paired=paired, seed=1)


def line(found: Comparison, name: str, what: str = HEADLINE, scope: str = "file") -> Compared:
    (one,) = (
        one
        for one in found.lines
        if (one.measure.scope, one.measure.name, one.measure.what) == (scope, name, what)
    )
    return one


def scattered(count: int, seed: int, **waits: float) -> list[Plain]:
    """Runs of files that wait about so many seconds each."""
    random = Random(seed)
    return [
        of_files({name: wait * random.lognormvariate(0, 0.05) for name, wait in waits.items()})
        for _ in range(count)
    ]


def test_runs_without_a_wait_compare() -> None:
    found = compared([of_files({"libc.so.6": 0.0})] * 5, [of_files({"libc.so.6": 0.0})] * 5)
    assert found.headline.verdict is Verdict.NOTHING
    assert found.headline.difference.mean_b == 0
    # Of a tail nothing is known: there was no wait.
    assert {one.measure.what for one in found.lines} == {
        HEADLINE, "waits per tree operation", "wait per exec", "acquisitions per exec",
    }  # fmt: skip


def test_one_quiet_run_leaves_the_tail_to_the_others() -> None:
    a = [of_files({"libc.so.6": 0.0}), *scattered(5, 1, libc=1.0)]
    found = compared(a, scattered(6, 2, libc=1.0))
    tail = line(found, "", "longest wait", "all")
    assert tail.runs == (5, 6)
    assert tail.difference.mean_a == pytest.approx(1 / 25, rel=0.1)
    assert found.headline.runs == (6, 6)


@pytest.mark.parametrize("seen", [True, False])
def test_a_file_that_sets_in_is_judged(seen: bool) -> None:
    # Whether or not its trees changed before it waited.
    a = [of_files({"libc.so.6": 1.0, **({"new": 0.0} if seen else {})})] * 6
    found = compared(a, scattered(6, 1, **{"libc.so.6": 1.0, "new": 0.01}))
    new = line(found, "new")
    assert new.difference.mean_a == 0
    assert new.verdict is Verdict.WORSE
    assert new in found.regressions(share=100.0)
    assert line(found, "new", "longest wait").difference.mean_a is None
    assert line(found, "new", "longest wait").difference.mean_b is not None


def test_whatever_waits_where_nothing_did_is_beyond_any_share() -> None:
    found = compared([of_files({"libc.so.6": 0.0})] * 5, scattered(5, 1, **{"libc.so.6": 1.0}))
    assert found.headline.difference.ratio is None
    assert [one.measure.name for one in found.regressions(share=9.0)] == ["", "libc.so.6"]


def test_an_interval_without_an_upper_end_is_beyond_by_its_lower_one() -> None:
    a = [of_files({"libc.so.6": wait}) for wait in (0.0, 0.0, 0.0, 0.0, 0.001)]
    found = compared(a, scattered(5, 1, **{"libc.so.6": 5.0}))
    assert found.headline.difference.interval is not None
    assert found.headline.difference.interval[1] is None
    assert found.headline.beyond(share=10.0)


def test_one_file_of_several_that_is_ten_times_worse_is_found_by_five_runs() -> None:
    files = dict.fromkeys(("libc.so.6", "ld.so", "bash", "libm.so.6", "sh"), 1.0)
    found = compared(scattered(5, 1, **files), scattered(5, 2, **{**files, "bash": 10.0}))
    assert line(found, "bash").verdict is Verdict.WORSE
    others = [one for one in found.headlines(Scope.FILE) if one.measure.name != "bash"]
    assert {one.verdict for one in others} == {Verdict.NOTHING}


def test_the_runs_that_are_needed_are_those_of_one_part_of_many() -> None:
    files = {f"lib{number}.so": 1.0 for number in range(10)}
    sides = scattered(5, 1, **files), scattered(5, 2, **{**files, "lib3.so": 10.0})
    worse = line(compared(*sides), "lib3.so")
    assert worse.verdict is Verdict.NOTHING
    assert (worse.difference.decidable, worse.difference.detectable) == (False, None)
    assert worse.difference.needed == worse.difference.least == 6
    sides = scattered(6, 1, **files), scattered(6, 2, **{**files, "lib3.so": 10.0})
    assert line(compared(*sides), "lib3.so").verdict is Verdict.WORSE


def test_what_else_is_told_of_a_part_takes_the_runs_that_the_part_takes() -> None:
    files = {f"lib{number}.so": 1.0 for number in range(12)}
    found = compared(scattered(6, 1, **files), scattered(6, 2, **files))
    headline, tail = (line(found, "lib3.so", what) for what in (HEADLINE, "longest wait"))
    assert tail.difference.least == headline.difference.least == 6
    assert (tail.difference.needed or 0) >= (headline.difference.needed or 0)


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("file", {"libc.so.6"}),
        ("node", {"0", "1"}),
        ("operation", {"insert", "remove"}),
        ("cause", {"mmap", "exec", "exit"}),
    ],
)
def test_every_part_has_every_measure_that_it_can_have(scope: str, names: set[str]) -> None:
    found = compared([run()] * 4, [run()] * 4)
    of = [one.measure for one in found.lines if one.measure.scope == scope]
    whats = {HEADLINE, "median wait", "99th percentile wait", "longest wait"}
    if scope != "cause":
        # The cause is known of contended acquisitions alone.
        whats.add("acquisitions per exec")
    assert {(one.name, one.what) for one in of} == set(product(names, whats))


def test_a_part_counts_its_own_acquisitions() -> None:
    found = compared([run()] * 4, [run()] * 4)
    assert line(found, "1", "acquisitions per exec", "node").difference.mean_a == 800 / 50


def test_operations_and_causes_add_up_to_the_whole() -> None:
    found = compared([run()] * 4, [run()] * 4)
    for scope in (Scope.OPERATION, Scope.CAUSE):
        assert sum(one.difference.mean_a or 0 for one in found.headlines(scope)) == (
            pytest.approx(found.headline.difference.mean_a)
        )


def test_a_file_that_only_walks_wait_for_is_told_by_the_changes_of_all() -> None:
    walked = of_files({"libc.so.6": 1.0, "data": 0.5}, {"data": 0})
    found = compared([of_files({"libc.so.6": 1.0})] * 5, [walked] * 5)
    data = line(found, "data")
    assert data.measure.per is Per.ALL
    assert data.difference.mean_b == 0.5 / 1000
    assert data.verdict is Verdict.WORSE
    assert line(found, "libc.so.6").measure.per is Per.PART


def test_the_hottest_files_are_told_and_a_few_that_wait_on_one_side_alone() -> None:
    hot = {f"hot{number}": 10.0 + number for number in range(MOST_FILES + 2)}
    new = {f"new{number}": 0.1 + number / 100 for number in range(MOST_ONE_SIDED + 2)}
    # More runs on one side make it no hotter.
    found = compared([of_files(hot)] * 4, [of_files({**hot, **new})] * 8)
    names = [one.measure.name for one in found.headlines(Scope.FILE)]
    assert names == [*list(hot)[:1:-1], *list(new)[:1:-1]]


def test_pairs_are_of_runs_that_both_know_the_measure() -> None:
    quiet = of_files({"libc.so.6": 0.0})
    a = [quiet, *scattered(7, 1, **{"libc.so.6": 1.0})]
    b = [*scattered(7, 2, **{"libc.so.6": 2.0}), quiet]
    assert line(compared(a, b, paired=True), "libc.so.6", "longest wait").runs == (6, 6)
    assert line(compared([quiet] * 8, b, paired=True), "libc.so.6", "longest wait").runs == (0, 7)


def test_parts_that_a_run_does_not_tell_apart_are_left_out() -> None:
    by_file = [run(by=["inode"])] * 4
    found = compared(by_file, by_file)
    assert {one.measure.scope for one in found.lines} & set(PARTS) == {Scope.FILE}


def test_without_tree_operations_nothing_is_compared() -> None:
    with pytest.raises(UsageError, match="no tree operation was counted"):
        compared([run()], [run(tree_operations=[])])
