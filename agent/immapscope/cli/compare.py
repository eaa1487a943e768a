# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope compare`: whether one kernel waits longer than another, and how sure that is."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

import click

from immapscope.cli import options
from immapscope.cli.output import output_to
from immapscope.cli.terminal import colored, terminal_width
from immapscope.errors import ExitStatus, ImmapscopeError, UsageError
from immapscope.modules import needed
from immapscope.outputs.printable import printable

_EXAMPLES = """\b
Examples:
  immapscope compare before.json after.json
  immapscope compare single/ split/ --format mail
  immapscope compare 'base-*.json' 'patched-*.json' --repeat --fail-above 10%
"""


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", text.strip())
    if found is None:
        raise ImmapscopeError(f"{text!r} is no share: write it like 10%")
    return float(found[1]) / 100


@click.command(epilog=_EXAMPLES)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--repeat", is_flag=True, help="The runs were made in turn, A B A B: compare them in pairs."
)
@click.option(
    "--fail-above",
    metavar="SHARE",
    callback=options.parsed(_share),
    help="Exit with 1 where B, or a file on it, is worse by more than this, like 10%.",
)
@click.option("--anyway", is_flag=True, help="Also where the sides differ in what they ran.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "mail"]),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table, json, or mail: plain text of 72 columns.",
)
@click.option(
    "--detail",
    is_flag=True,
    help="Of each file, node, operation and cause also acquisitions per exec and the longest "
    "waits. JSON always has them.",
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="Of resampling.")
@options.output
def compare(
    a: str,
    b: str,
    repeat: bool,
    fail_above: float | None,
    anyway: bool,
    format_: str,
    detail: bool,
    seed: int,
    output: str | None,
) -> int:
    """Compare the runs in A with the runs in B: JSON of `trace`, or recordings.

    Each is a file, a folder of such files, or a quoted glob: a file for each run of the same work.
    """
    needed("scipy", "analysis")
    from immapscope.comparing import comparison as comparing
    from immapscope.comparing.document import document
    from immapscope.comparing.mail import mail
    from immapscope.comparing.runs import differences, read_side
    from immapscope.comparing.table import table

    if output == "-":
        output = None
    sides = read_side(a), read_side(b)
    if repeat and len(sides[0]) != len(sides[1]):
        raise UsageError(
            f"--repeat: {len(sides[0])} runs in {a!r}, {len(sides[1])} in {b!r}; pairs need as many"
        )
    found = list(differences(*sides))
    if found and not anyway:
        raise UsageError(f"{found[0]}; to compare all the same: --anyway")
    compared = comparing.compare(*sides, paired=repeat, seed=seed, warnings=found)
    text = {
        "table": lambda: table(compared, terminal_width(output), colored(output), detail),
        "json": lambda: document(compared),
        "mail": lambda: mail(compared, detail),
    }[format_]()
    with output_to(output) as write:
        write(text)
    worse = [] if fail_above is None else compared.regressions(fail_above)
    for line in worse:
        with suppress(OSError):
            what = printable(line.measure.name) or "all files"
            print(
                f"immapscope: {what}: {line.measure.what} is worse by more than "
                f"{100 * (fail_above or 0):g} %",
                file=sys.stderr,
            )
    return ExitStatus.BAD_NEWS if worse else ExitStatus.FINE
