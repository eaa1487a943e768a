# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope doctor`: what this kernel offers, what is missing, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import click

from immapscope.errors import ExitStatus
from immapscope.preflight import Check, Verdict, inspect
from immapscope.streams import write_out

_MARKS: Final = {True: "ok", False: "NO", None: "?"}


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table or json.",
)
def doctor(format_: str) -> int:
    """Say what this kernel offers, what is missing, and what to do about it.

    Where nothing is missing every probe is attached for a moment, to be sure. Exit status 0 if
    this machine can be traced, 1 if not.
    """
    verdict = inspect()
    checks = list(verdict.checks)
    removed: tuple[str, ...] = ()
    memory: int | None = None
    layout = verdict.kernel.model.layout.value if verdict.kernel else None
    if verdict.kernel is not None and _worth_a_trial(verdict):
        # Imported late, since it takes a while.
        from immapscope.cli import trial
        from immapscope.tracing.leftovers import remove_leftovers

        removed = remove_leftovers()
        tried = trial.fentry if verdict.blockers else trial.attaching
        outcome = tried(verdict.kernel)
        checks.append(outcome.check)
        memory = outcome.memory
        layout = outcome.layout or layout
    if format_ == "json":
        write_out(_as_json(verdict, layout, checks, removed, memory) + "\n")
    else:
        write_out(_as_text(checks, removed) + "\n")
    return ExitStatus.BAD_NEWS if any(check.blocks for check in checks) else ExitStatus.FINE


def _worth_a_trial(verdict: Verdict) -> bool:
    """Only without kprobes is there something else to try."""
    return {blocker.name for blocker in verdict.blockers} <= {"kprobes"}


def _as_text(checks: Sequence[Check], removed: Sequence[str]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.passed]:<4}{check.name:<{width}}  {check.finding}")
        if check.blocks:
            lines.append(f"    {'':<{width}}  -> {check.advice}")
    lines += [f"removed a dead session's probe: {name}" for name in removed]
    blockers = sum(check.blocks for check in checks)
    if blockers:
        lines.append(f"this machine cannot be traced: {blockers} to lift, see the arrows")
    else:
        lines.append("this machine can be traced")
    return "\n".join(lines)


def _as_json(
    verdict: Verdict,
    layout: str | None,
    checks: Sequence[Check],
    removed: Sequence[str],
    memory: int | None,
) -> str:
    kernel = verdict.kernel
    return json.dumps(
        {
            "schema": 1,
            "traceable": not any(check.blocks for check in checks),
            "kernel": (
                None if kernel is None else {"release": kernel.model.release, "layout": layout}
            ),
            "kernel_memory_bytes": memory,
            "checks": [
                {
                    "name": check.name,
                    "passed": check.passed,
                    "finding": check.finding,
                    "advice": check.advice or None,
                }
                for check in checks
            ],
            "removed_leftovers": list(removed),
        },
        indent=2,
    )
