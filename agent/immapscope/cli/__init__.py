# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: `immapscope [--config FILE] COMMAND`. Every error is one line."""

from __future__ import annotations

import sys

import click

from immapscope import __version__
from immapscope.cli.doctor import doctor
from immapscope.cli.trace import trace
from immapscope.errors import ExitStatus, ImmapscopeError
from immapscope.outputs.printable import printable


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="immapscope")
def immapscope() -> None:
    """Which file's i_mmap lock is waited on, from which node, behind whom, and why."""


immapscope.add_command(trace)
immapscope.add_command(doctor)


def main() -> None:
    """Runs the command line and exits with a status of interface.md."""
    try:
        status = immapscope.main(standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "immapscope"
        _complain(f"{error.format_message()} (see {where} --help)")
        status = ExitStatus.WRONG_USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        status = ExitStatus.WRONG_USAGE
    except ImmapscopeError as error:
        _complain(str(error))
        status = error.status
    except (click.Abort, KeyboardInterrupt):
        status = ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; the interpreter must not complain about the same pipe at its exit.
        sys.stdout = None
        status = ExitStatus.FINE
    sys.exit(status if isinstance(status, int) else ExitStatus.FINE)


def _complain(message: str) -> None:
    print(f"immapscope: {printable(' '.join(message.split()))}", file=sys.stderr)
