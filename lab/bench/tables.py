# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured, for people: a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.bench.results import IDLE, Contender, reason

_MB: Final = 1e6


def table(found: Sequence[Contender], works: Sequence[str], unit: str) -> Iterator[str]:
    """Markdown: a ratio for each work, what is added of `unit`, and what the tool told."""
    busy = [work for work in works if work != IDLE]
    head = ["under", *busy, f"added {unit} per exec"]
    head += [f"added {unit} per idle second"] if IDLE in works else []
    head += ["ready after", "events seen", "lost", "skipped", "kernel memory", "resident"]
    yield f"| {' | '.join(head)} |"
    yield f"| --- {'| ---: ' * (len(head) - 1)}|"
    for one in found:
        if one.failed:
            yield f"| {one.name} | {reason(one.failed)} {'| ' * (len(head) - 2)}|"
            continue
        cells = [one.name, *(one.ratios[work].told("{:.3f}") for work in busy)]
        cells += [one.added[work].told("{:,.0f}") for work in ("exec", IDLE) if work in works]
        yield f"| {' | '.join([*cells, *_told(one.told)])} |"


def _told(told: Mapping[str, float]) -> Iterator[str]:
    yield _cell(told, "attached_seconds", "{:.1f} s")
    yield seen(told)
    yield _cell(told, "lost", "{:,.0f}")
    yield _cell(told, "skipped", "{:,.0f}")
    for key in ("kernel_bytes", "resident_bytes"):
        yield f"{told[key] / _MB:.1f} MB" if key in told else "-"


def _cell(told: Mapping[str, float], key: str, form: str) -> str:
    return form.format(told[key]) if key in told else "-"


def seen(told: Mapping[str, float]) -> str:
    """How many events, in the tool's own unit; acquisitions have the waits among them."""
    for unit in ("acquisitions", "waits", "records"):
        if unit in told:
            return f"{told[unit]:,.0f} {unit}"
    return "-"
