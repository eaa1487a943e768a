# SPDX-License-Identifier: GPL-2.0-or-later
"""The conservation law: whether a snapshot's numbers add up."""

from __future__ import annotations

from dataclasses import dataclass

from immapscope.snapshot import LossUnit, Snapshot


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides that a snapshot promises to be equal: `left` and the sum of the terms.

    `skipped` is how often the kernel itself skipped a program, of which only an upper bound is
    known to concern us: by so much the sides may differ.
    """

    left_name: str
    left: int
    terms: tuple[tuple[str, int], ...]
    skipped: int = 0

    @property
    def right(self) -> int:
        """The sum of the terms."""
        return sum(count for _, count in self.terms)

    @property
    def difference(self) -> int:
        """Left minus right, 0 where the law holds exactly."""
        return self.left - self.right

    @property
    def holds(self) -> bool:
        """Whether the sides differ by no more than the kernel's own skips."""
        return abs(self.difference) <= self.skipped

    def __str__(self) -> str:
        terms = " + ".join(f"{count:,} {name}" for name, count in self.terms)
        return f"{self.left:,} {self.left_name} = {terms}"


def law(snapshot: Snapshot) -> tuple[Equation, ...]:
    """The equations of the conservation law (docs/architecture.md) with this snapshot's numbers.

    First those of what entered, waits before acquisitions, then rows against totals. A loss that
    is only an upper bound was in no sum and becomes `skipped`. An equation with a number that was
    not measured (acquisitions in contention mode) is left out.
    """
    totals, entered, in_flight = snapshot.totals, snapshot.entered, snapshot.in_flight
    waits = Equation(
        "waits entered",
        entered.waits,
        (
            ("contended", totals.contended),
            ("interrupted", totals.interrupted),
            ("in flight", in_flight.waits),
            ("lost", _lost(snapshot, LossUnit.WAITS, upper_bound=False)),
        ),
        skipped=_lost(snapshot, LossUnit.WAITS, upper_bound=True),
    )
    return (waits, *_acquisitions_entered(snapshot), *_rows_against_totals(snapshot))


def _acquisitions_entered(snapshot: Snapshot) -> tuple[Equation, ...]:
    totals = snapshot.totals
    entered, in_flight = snapshot.entered.acquisitions, snapshot.in_flight.acquisitions
    if (
        entered is None
        or in_flight is None
        or totals.acquisitions is None
        or totals.failed_trylocks is None
    ):
        return ()
    equation = Equation(
        "acquisitions entered",
        entered,
        (
            ("finished", totals.acquisitions),
            ("failed trylocks", totals.failed_trylocks),
            ("in flight", in_flight),
            ("lost", _lost(snapshot, LossUnit.ACQUISITIONS, upper_bound=False)),
        ),
        skipped=_lost(snapshot, LossUnit.ACQUISITIONS, upper_bound=True),
    )
    return (equation,)


def _rows_against_totals(snapshot: Snapshot) -> tuple[Equation, ...]:
    totals, rows = snapshot.totals, snapshot.rows
    acquisitions = [row.acquisitions for row in rows if row.acquisitions is not None]
    sums = (
        ("acquisitions", totals.acquisitions, sum(acquisitions)),
        ("contended", totals.contended, sum(row.contended for row in rows)),
        ("interrupted", totals.interrupted, sum(row.interrupted for row in rows)),
        ("ns of waiting", totals.wait_ns, sum(row.wait_ns for row in rows)),
    )
    return tuple(
        Equation(f"{name} in total", total, (("in rows", in_rows),))
        for name, total, in_rows in sums
        if total is not None
    )


def _lost(snapshot: Snapshot, unit: LossUnit, *, upper_bound: bool) -> int:
    return sum(
        loss.count
        for loss in snapshot.loss.values()
        if loss.unit is unit and loss.upper_bound is upper_bound
    )
