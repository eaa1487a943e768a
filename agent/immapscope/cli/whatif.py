# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope whatif`: what other designs of i_mmap would have cost the tasks of a recording."""

from __future__ import annotations

import sys

import click

from immapscope.cli import options
from immapscope.cli.output import output_to
from immapscope.cli.progress import Progress
from immapscope.cli.terminal import colored, terminal_width
from immapscope.modules import needed


@click.command()
@click.argument("recording", metavar="FILE")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    metavar="POLICY",
    help="node, node:N, smallest:N, cpu, hash:N, one of these behind inverted: (inverted:cpu), "
    "tree-only or single. May be repeated.",
)
@click.option(
    "--scale-cpus", type=int, metavar="N", help="As many times the tasks, on so many CPUs."
)
@click.option("--scale-nodes", type=int, metavar="N", help="On so many nodes of equal size.")
@click.option(
    "--walk-rate", type=float, default=1.0, show_default=True, metavar="X",
    help="How often each walk over a file is done.",
)  # fmt: skip
@click.option(
    "--handoff-price", type=float, default=1.0, show_default=True, metavar="X",
    help="How long a hand-over to another node takes, beside what was recorded.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
    help="Of what is drawn by chance.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table",
    show_default=True, metavar="FORMAT", help="table or json.",
)  # fmt: skip
@options.output
def whatif(
    recording: str,
    policies: tuple[str, ...],
    scale_cpus: int | None,
    scale_nodes: int | None,
    walk_rate: float,
    handoff_price: float,
    seed: int,
    format_: str,
    output: str | None,
) -> int:
    """Say what the waits in FILE would have been with the trees of a file split otherwise.

    FILE is a recording in full mode of a kernel with one tree and one rwsem a file.
    """
    for module, extra in (("pyarrow", "analysis"), ("numba", "analysis")):
        needed(module, extra)
    # Imported late: numba takes a while, and bad usage is told at once.
    from immapscope.recording.reader import Recording
    from immapscope.whatif.policy import parse_policy

    asked = [parse_policy(text) for text in policies]
    if output == "-":
        output = None
    with (
        Recording(recording) as opened,
        output_to(output) as write,
        Progress(sys.stderr) as progress,
    ):
        progress.say("reading and replaying; what is compiled the first time takes a moment")
        from immapscope.outputs.account import Account
        from immapscope.outputs.predictions import document, text
        from immapscope.whatif.chains import trace_of
        from immapscope.whatif.machine import Machine
        from immapscope.whatif.predict import Knobs, predictions

        trace = trace_of(opened)
        machine = Machine.scaled(trace.node_of_cpu, scale_cpus, scale_nodes)
        knobs = Knobs(walk_rate, handoff_price, seed)
        found = predictions(trace, asked, machine, knobs)
        progress.clear()
        told = Account(opened.header, trace, machine, knobs, opened.truncated)
        if format_ == "json":
            write(document(told, found))
        else:
            write(text(told, found, width=terminal_width(output), color=colored(output)))
    return 0
