# SPDX-License-Identifier: GPL-2.0-or-later
"""What `whatif` prints: a table for people, and one JSON document (docs/whatif.md).

In JSON times are seconds and null is what cannot be said. Nothing of a recording's names is in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from immapscope.outputs.account import Account, account
from immapscope.outputs.page import Page
from immapscope.outputs.prose import Line, Tone
from immapscope.outputs.units import UNKNOWN, compact, duration, rate
from immapscope.whatif.results import Interval, Prediction, Verdict

_SCHEMA: Final = 1
_VERDICTS: Final = {
    Verdict.BETTER: "better", Verdict.WORSE: "worse", Verdict.NO_DIFFERENCE: "no difference",
}  # fmt: skip
_STYLES: Final = {Verdict.BETTER: "green", Verdict.WORSE: "bold red"}


@dataclass(frozen=True, slots=True)
class _Column:
    """`keep`: columns with less of it are the first that a narrow terminal goes without."""

    header: str
    cell: Callable[[Prediction], str]
    keep: int
    left: bool = False


def text(
    told: Account,
    predictions: Sequence[Prediction],
    *,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The table. `width` in terminal cells; None is as wide as it takes."""
    page = Page(width, color)
    page.lines(account(told))
    page.gap()
    columns, left_out = _fitted(predictions, width)
    page.table(_table(columns, predictions))
    page.lines(_below(told, predictions, left_out))
    return page.text()


def document(told: Account, predictions: Sequence[Prediction]) -> str:
    """One JSON document on a line."""
    value = {
        "schema": _SCHEMA,
        **told.document(),
        "predictions": [_prediction(one) for one in predictions],
    }
    return json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n"


def _columns() -> tuple[_Column, ...]:
    return (
        _Column("policy", lambda one: one.policy, 9, left=True),
        _Column("trees", lambda one: str(one.trees), 3),
        _Column("wait\ntotal", lambda one: duration(one.wait_ns), 6),
        _Column("wait per\nexec", lambda one: _duration(one.wait_per_exec_ns), 7),
        _Column("wait beside single\n(95 % interval)", _ratio, 9),
        _Column("remote\n%", lambda one: _percent(one.remote), 4),
        _Column("imba-\nlance", lambda one: _rate(one.imbalance), 2),
        _Column("wait per\nsweep", _per_sweep, 5),
        _Column("most\nexecs/s", lambda one: _rate(one.most_execs_per_second), 4),
        _Column("set\nby", lambda one: one.limit, 1, left=True),
        _Column("bytes per\ninode", lambda one: compact(one.bytes_per_inode), 3),
        _Column("", _verdict, 8, left=True),
    )


def _fitted(
    predictions: Sequence[Prediction], width: int | None
) -> tuple[Sequence[tuple[_Column, int]], Sequence[str]]:
    """Columns with their widths, and the names of those that found no room."""
    columns = [(one, _cells(one, predictions)) for one in _columns()]
    left_out: list[str] = []
    while width is not None and sum(cells + 2 for _, cells in columns) - 2 > width:
        least = min(columns, key=lambda column: column[0].keep)
        if least[0].keep >= 8:
            break
        columns.remove(least)
        left_out.append(least[0].header.replace("-\n", "").replace("\n", " "))
    return columns, left_out


def _cells(column: _Column, predictions: Sequence[Prediction]) -> int:
    lines = column.header.split("\n") + [column.cell(one) for one in predictions]
    return max(map(cell_len, lines))


def _table(columns: Sequence[tuple[_Column, int]], predictions: Sequence[Prediction]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, cells in columns:
        table.add_column(
            Text(f"{column.header}\n{'-' * cells}"),
            justify="left" if column.left else "right",
            width=cells,
            no_wrap=True,
            vertical="bottom",
        )
    for one in predictions:
        style = _STYLES.get(one.verdict, "") if one.verdict else ""
        table.add_row(*(Text(column.cell(one)) for column, _ in columns), style=style)
    return table


def _below(
    told: Account, predictions: Sequence[Prediction], left_out: Sequence[str]
) -> Iterator[Line]:
    yield Line(
        "remote: hand-overs to another node; imbalance: of the file that is changed most, its "
        "busiest tree over the mean; most execs/s: what the busiest lock or the CPUs allow",
        Tone.ASIDE,
    )
    if left_out:
        yield Line(f"left out at this width: {', '.join(left_out)}", Tone.ASIDE)
    single = predictions[0]
    if single.ratio is not None:
        near = _near(single.ratio_interval)
        yield Line(
            f"single in the model: {_ratio_text(single)} of the {duration(told.waited_ns)} that "
            "were recorded" + ("" if near else "; doubt the others as much"),
            Tone.GOOD if near else Tone.WARNING,
        )


def _near(interval: Interval | None) -> bool:
    """Whether what was recorded is within the interval."""
    return interval is not None and interval.low <= 1 <= interval.high


def _ratio(one: Prediction) -> str:
    return "1" if one.verdict is None and one.policy == "single" else _ratio_text(one)


def _ratio_text(one: Prediction) -> str:
    if one.ratio is None:
        return UNKNOWN
    if one.ratio_interval is None:
        return rate(one.ratio)
    return f"{rate(one.ratio)} ({rate(one.ratio_interval.low)} to {rate(one.ratio_interval.high)})"


def _duration(ns: float | None) -> str:
    return UNKNOWN if ns is None else duration(ns)


def _rate(value: float | None) -> str:
    return UNKNOWN if value is None else rate(value)


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.0f}"


def _per_sweep(one: Prediction) -> str:
    return duration(one.sweep_wait_ns / one.sweeps) if one.sweeps else UNKNOWN


def _verdict(one: Prediction) -> str:
    return UNKNOWN if one.verdict is None else _VERDICTS[one.verdict]


def _prediction(one: Prediction) -> dict[str, object]:
    return {
        "policy": one.policy,
        "layout": one.layout,
        "trees": one.trees,
        "acquisitions": one.acquisitions,
        "contended": one.contended,
        "wait_seconds": one.wait_ns / 1e9,
        "wait_seconds_interval": [one.wait.low / 1e9, one.wait.high / 1e9],
        "wait_seconds_per_exec": _seconds(one.wait_per_exec_ns),
        "ratio": one.ratio,
        "ratio_beside": "recorded" if one.policy == "single" else "single",
        "ratio_interval": _pair(one.ratio_interval),
        "verdict": None if one.verdict is None else _VERDICTS[one.verdict],
        "remote_handovers": one.remote,
        "imbalance": one.imbalance,
        "sweeps": one.sweeps,
        "sweep_wait_seconds": one.sweep_wait_ns / 1e9,
        "sweep_seconds": one.sweep_ns / 1e9,
        "most_execs_per_second": one.most_execs_per_second,
        "limit": one.limit,
        "bytes_per_inode": one.bytes_per_inode,
        "drawn": one.drawn,
    }


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e9


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
