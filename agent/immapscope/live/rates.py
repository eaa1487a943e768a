# SPDX-License-Identifier: GPL-2.0-or-later
"""The columns of the table as rates: what a count or a time comes to in a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from immapscope.grouping import GroupedRow
from immapscope.outputs.columns import Column, Count
from immapscope.outputs.units import UNKNOWN, duration, rate


def per_second(columns: Sequence[Column], span_ns: int) -> tuple[Column, ...]:
    """Those columns that sum something, divided by the seconds in `span_ns`; the others as is."""
    seconds = span_ns / 1e9

    def acquisitions(row: GroupedRow, _: Count) -> str:
        return UNKNOWN if row.acquisitions is None else rate(row.acquisitions / seconds)

    def contended(row: GroupedRow, _: Count) -> str:
        return rate(row.contended / seconds)

    def wait(row: GroupedRow, _: Count) -> str:
        return duration(row.wait_ns / seconds)

    rates = {
        "acquisitions": ("acqui-\nsitions/s", acquisitions),
        "contended": ("con-\ntended/s", contended),
        "wait total": ("wait\nper s", wait),
    }
    return tuple(
        replace(column, header=rates[column.name][0], cell=rates[column.name][1])
        if column.name in rates
        else column
        for column in columns
    )
