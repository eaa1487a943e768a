# SPDX-License-Identifier: GPL-2.0-or-later
"""How right each tool is: what it says of each workload, over what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lab.bench.results import reason

#: Of each task of the storm, and of the walk in the long hold.
MAPS: Final = 1009
SECONDS: Final = "1.2"
#: On any kernel, and on one that has the module.
WORKLOADS: Final = ("storm", "long hold")
OF_THE_MODULE: Final = ("test_lockup",)

_NAMES: Final = {
    "full": "ours, full mode",
    "contention": "ours, contention mode",
    "klockstat": "klockstat",
    "perf-record": "perf lock record",
    "lock_stat": "LOCK_STAT",
}


def table(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: a row for each tool and workload, ratios to what was counted beside it."""
    yield "| workload | tool | acquisitions | waits | time waited | longest wait |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for one in found:
        if one["tool"] == "nothing":
            continue
        name = f"| {one['workload']} | {_NAMES[one['tool']]} "
        if "failed" in one:
            yield f"{name}| {reason(one['failed'])} | | | |"
            continue
        said, beside = one["said"], one["beside"]
        yield (
            f"{name}| {_of(said['acquisitions'], one.get('acquisitions'))} "
            f"| {_of(said['waits'], beside.get('waits', 0))} "
            f"| {_ratio(said['wait_seconds'], beside.get('wait_ns'))} "
            f"| {_ratio(said['longest_seconds'], one['longest_call_ns'])} |"
        )


def spun(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the tracepoints do not show, where only they and the slow paths were looked at."""
    for one in found:
        if one["tool"] == "nothing" and "failed" not in one:
            beside = one["beside"]
            yield (
                f"- {one['workload']}: {beside.get('spun', 0):,} of {beside.get('waits', 0):,} "
                f"waits ended while spinning, {beside.get('spun_ns', 0) / 1e9:.3f} of "
                f"{beside.get('wait_ns', 0) / 1e9:.3f} s; from contention_begin to _end there "
                f"were {beside.get('seen', 0):,}, of {beside.get('seen_ns', 0) / 1e9:.3f} s"
            )


def _of(said: int | None, known: int | None) -> str:
    if said is None:
        return "-"
    return f"{said:,}" if known is None else f"{said:,} of {known:,}"


def _ratio(seconds: float | None, ns: int | None) -> str:
    return "-" if seconds is None or not ns else f"{seconds * 1e9 / ns:.3f}"
