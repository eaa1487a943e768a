# SPDX-License-Identifier: GPL-2.0-or-later
"""The conservation law holds of a lawful session, and breaks where one number is changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from immapscope.kernel.words import Cause, Operation
from immapscope.law import law
from immapscope.snapshot import Loss, LossUnit, Mode, PerUnit, Row, Snapshot
from tests.outputs.strategies import snapshots
from tests.synthetic import LIBC, contended_row, exec_storm, machine, snapshot_of


def waits(*waits_ns: int) -> Row:
    return contended_row(LIBC, 1, Operation.INSERT, Cause.MMAP, waits_ns)


def broken(snapshot: Snapshot) -> list[str]:
    return [equation.left_name for equation in law(snapshot) if not equation.holds]


@given(snapshots)
def test_the_law_holds_on_any_lawful_session(snapshot: Snapshot) -> None:
    assert all(equation.difference == 0 for equation in law(snapshot))


def test_the_law_names_both_sides() -> None:
    entered_waits, entered_acquisitions = law(exec_storm())[:2]
    assert str(entered_waits) == (
        "12 waits entered = 8 contended + 0 interrupted + 1 in flight + 3 lost"
    )
    assert str(entered_acquisitions) == (
        "13,374 acquisitions entered = 13,371 finished + 2 failed trylocks + 1 in flight + 0 lost"
    )


def test_one_wait_too_many_breaks_one_equation() -> None:
    storm = exec_storm()
    entered = replace(storm.entered, waits=storm.entered.waits + 1)
    assert broken(replace(storm, entered=entered)) == ["waits entered"]
    assert law(replace(storm, entered=entered))[0].difference == 1


def test_a_row_that_goes_missing_breaks_the_sums_it_was_part_of() -> None:
    storm = exec_storm()
    missing = replace(storm, rows=storm.rows[1:])
    assert broken(missing) == [
        "acquisitions in total",
        "contended in total",
        "ns of waiting in total",
    ]


def test_contention_mode_has_no_equation_of_acquisitions() -> None:
    snapshot = snapshot_of([waits(5)], mode=Mode.CONTENTION)
    assert not [e for e in law(snapshot) if e.left_name.startswith("acquisitions")]


def test_trylocks_that_were_not_counted_leave_the_equation_out_rather_than_be_zero() -> None:
    storm = exec_storm()
    unknown = replace(storm, totals=replace(storm.totals, failed_trylocks=None))
    assert "acquisitions entered" not in [equation.left_name for equation in law(unknown)]


def test_what_the_kernel_skipped_excuses_a_difference_but_is_in_no_sum() -> None:
    skipped = {"recursion": Loss(LossUnit.WAITS, 2, upper_bound=True)}
    snapshot = snapshot_of([waits(5, 6)], loss=skipped)
    assert law(snapshot)[0].difference == 0
    for missed, holds in [(2, True), (-2, True), (3, False)]:
        entered = PerUnit(snapshot.entered.acquisitions, snapshot.entered.waits + missed)
        assert law(replace(snapshot, entered=entered))[0].holds is holds


def test_a_loss_of_one_unit_is_not_counted_in_another() -> None:
    lost_stacks = {"stack_weights_full": Loss(LossUnit.STACKS, 9)}
    assert not broken(snapshot_of([waits(5)], loss=lost_stacks))


def test_a_machine_of_384_cpus_reconciles() -> None:
    big = machine()
    assert (big.kernel.nodes, big.kernel.cpus) == (12, 384)
    assert not broken(big)
    assert machine() == big
