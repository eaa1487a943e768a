# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope daemon`: the exporter, by config.yaml."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from immapscope.errors import ExitStatus
from immapscope.streams import write_out

#: Read where it is there and no other is named.
USUAL_PLACE: Final = Path("/etc/immapscope/config.yaml")

#: One arena, no threads for linear algebra, no columns for tracebacks: some 15 MB less.
PYTHON: Final = (sys.executable, "-X", "no_debug_ranges")
ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Only say if the configuration is good.")
@click.pass_obj
def daemon(path: Path | None, only_check: bool) -> int:
    """Trace for as long as it runs, and serve what it sees to Prometheus.

    The configuration is FILE of `immapscope --config FILE daemon`, else
    /etc/immapscope/config.yaml, else the defaults. SIGHUP reads it again.
    """
    if path is None and USUAL_PLACE.exists():
        path = USUAL_PLACE
    if not only_check:
        # In place of this process: it has the PID that systemd waits for, and none of its memory.
        file = [] if path is None else [str(path)]
        words = [*PYTHON, "-m", "immapscope.daemon", *file]
        os.execve(sys.executable, words, {**os.environ, **ENVIRONMENT})
    if path is None:
        write_out("no configuration file: the defaults\n")
        return ExitStatus.FINE
    from immapscope.config.check import check

    return check(path, write_out)
