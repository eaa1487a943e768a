# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: `immapscope COMMAND`. Every error is one line on stderr and an exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from immapscope import __version__
from immapscope.cli.commands import Commands
from immapscope.errors import ExitStatus, ImmapscopeError
from immapscope.outputs.printable import one_line
from immapscope.streams import READER_GONE, forget_reader, prepare


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, prog_name="immapscope")
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The daemon's configuration, in place of /etc/immapscope/config.yaml.",
)
@click.pass_context
def immapscope(context: click.Context, config: Path | None) -> None:
    """Which file's i_mmap lock this machine waits on, from which node, behind whom, and why.

    Start with `immapscope doctor`, then `immapscope trace --inode libc.so`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    elif config is not None and context.invoked_subcommand != "daemon":
        raise click.UsageError("--config is the daemon's: no other command reads it")
    context.obj = config


def main(words: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with a status of interface.md."""
    prepare()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # So that probes which are just being attached are detached. A session has its own.
        signal.signal(number, signal.default_int_handler)
    sys.exit(_status(sys.argv[1:] if words is None else words))


def _status(words: Sequence[str]) -> int:
    try:
        # Not click's own main(): that exits with 1 where the reader of a pipe has gone.
        with immapscope.make_context("immapscope", list(words)) as context:
            status = immapscope.invoke(context)
        return status if isinstance(status, int) else ExitStatus.FINE
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "immapscope"
        _complain(f"{error.format_message().rstrip('.')} (see {where} --help)")
        return ExitStatus.WRONG_USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        return ExitStatus.WRONG_USAGE
    except ImmapscopeError as error:
        _complain(str(error))
        return error.status
    except (click.Abort, KeyboardInterrupt):
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        forget_reader()
        return READER_GONE


def _complain(message: str) -> None:
    # Nobody may be reading that either.
    with suppress(OSError):
        print(f"immapscope: {one_line(message)}", file=sys.stderr)
