# SPDX-License-Identifier: GPL-2.0-or-later
"""`make demo`: an exec storm on four NUMA nodes, traced: python3 -m lab.demo [--kernel NAME]."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence

from lab import cache, cli, kernels
from lab.errors import LabError
from lab.workloads import build

STORM = "-- ./execstorm 16 10 /usr/bin/true"
# Three operations on four nodes of libc.so and of ld.so; what else waits is summed.
TRACED = f"immapscope trace --top 24 {STORM}"
NO_TERMINAL = (100, 24)

BEFORE = """\
demo: 16 workers exec for 10 s on 4 NUMA nodes of 2 CPUs, in a guest, traced. This machine's own
demo: kernel is not touched. {estimate}
"""
WARM = "It takes about a minute."
COLD = """\
It takes about four minutes this first time: a kernel,
demo: QEMU and a Debian image are fetched and kept, 1 GB, in
demo: {folder}"""
AFTER = """
demo: A row is one file's lock, the node that asked for it and what for; the README explains the
demo: columns. Why they asked:
demo:   {guest} -- immapscope trace --by inode,cause,operation --top 10 {storm}
demo: This machine instead of a guest:
demo:   make venv && sudo .venv/bin/immapscope trace --inode libc.so
"""


def main(words: Sequence[str]) -> int:
    """The traced command's exit status; 2 for wrong usage, 70 if the lab could not run it."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.demo", description=__doc__)
    parser.add_argument("--kernel", default=kernels.DEFAULT, metavar="NAME")
    kernel = parser.parse_args(words).kernel
    _say(BEFORE.format(estimate=_estimate()))
    try:
        storm = build.build("execstorm")
    except LabError as error:
        _say(f"demo: {error}\n")
        return cli.FAILED
    options = ["--kernel", kernel, "--topology", "4x2", "--file"]
    guest = f"lab/vm {shlex.join(options)} $(python3 -m lab.workloads.build execstorm)"
    _say(f"demo: {guest} -- {TRACED}\n")
    words = [*options, str(storm), "--timeout", "300", "--", "sh", "-c", _on_a_terminal()]
    status = cli.main(words)
    if status == 0:
        _say(AFTER.format(guest=guest, storm=STORM))
    return status


def _estimate() -> str:
    folder = cache.directory()
    return WARM if (folder / "image").is_dir() else COLD.format(folder=folder)


def _on_a_terminal() -> str:
    """TRACED on a terminal as wide as ours; in colour and with its progress if ours is one."""
    columns = shutil.get_terminal_size(NO_TERMINAL).columns
    inner = f"stty cols {columns} -opost; "
    if sys.stdout.isatty():
        return shlex.join(["script", "-qec", f"{inner}exec {TRACED}", "/dev/null"])
    inner += f"NO_COLOR=1 exec {TRACED} 2>&3"
    return shlex.join(["script", "-qec", inner, "/dev/null"]) + " 3>&2"


def _say(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
