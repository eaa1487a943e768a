# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands, each imported when it is asked for: a daemon does not carry what `trace` needs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

#: Name of the command, of its module here and of the command in it; what `--help` says of it.
COMMANDS: Final[Mapping[str, str]] = {
    "compare": "Say whether one kernel waits longer than another, and how sure that is.",
    "daemon": "Export metrics to Prometheus until it is stopped.",
    "doctor": "Say whether this machine can be traced, and how.",
    "record": "Record every acquisition into a file.",
    "report": "Print a recording as `trace` would have.",
    "top": "Watch the waits live in the terminal.",
    "trace": "Trace for a while, or as long as COMMAND runs; print who waited.",
    "whatif": "Say what other designs of i_mmap would have cost the tasks of a recording.",
}


class Commands(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"immapscope.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))
