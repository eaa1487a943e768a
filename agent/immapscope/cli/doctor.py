# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope doctor`: what this kernel offers, what is missing, and what to do about it."""

from __future__ import annotations

import json

import click

from immapscope.errors import CannotTraceError, ExitStatus
from immapscope.preflight import Check, Verdict, inspect


@click.command()
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def doctor(format_: str) -> int:
    """Say whether this machine can be traced; exit status 1 where it cannot."""
    verdict = inspect()
    checks = list(verdict.checks)
    removed: tuple[str, ...] = ()
    if verdict.kernel is not None and not verdict.blockers:
        from immapscope.tracing.leftovers import remove_leftovers

        removed = remove_leftovers()
        checks.append(_trial(verdict))
    passed = all(check.passed for check in checks)
    show = _as_json if format_ == "json" else _as_text
    click.echo(show(verdict, checks, removed))
    return ExitStatus.FINE if passed else ExitStatus.BAD_NEWS


def _trial(verdict: Verdict) -> Check:
    """Load and attach every program for a moment: the kernel's own word on whether it works."""
    from immapscope.snapshot import Mode
    from immapscope.tracing.machine import Machine
    from immapscope.tracing.session import Request, Session

    assert verdict.kernel is not None
    try:
        with Session(
            verdict.kernel.model,
            verdict.kernel.symbols,
            Machine.from_sysfs(),
            Request(Mode.FULL),
        ) as session:
            found = f"{len(session.attached)} programs attached"
    except CannotTraceError as error:
        return Check("attaching", False, str(error), "try --attach kprobe; see docs/kernels.md")
    return Check("attaching", True, found)


def _as_text(verdict: Verdict, checks: list[Check], removed: tuple[str, ...]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check.passed else 'NO  '}{check.name:<{width}}  {check.finding}")
        if check.advice:
            lines.append(f"    {'':<{width}}  -> {check.advice}")
    lines += [f"removed a dead session's probe: {name}" for name in removed]
    blockers = sum(not check.passed for check in checks)
    if blockers:
        lines.append(f"this machine cannot be traced: {blockers} to lift, see the arrows")
    else:
        lines.append("this machine can be traced")
    return "\n".join(lines)


def _as_json(verdict: Verdict, checks: list[Check], removed: tuple[str, ...]) -> str:
    kernel = verdict.kernel
    return json.dumps(
        {
            "schema": 1,
            "traceable": all(check.passed for check in checks),
            "kernel": kernel
            and {"release": kernel.model.release, "layout": kernel.model.layout.value},
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
