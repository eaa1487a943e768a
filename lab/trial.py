# SPDX-License-Identifier: GPL-2.0-or-later
"""A trial: a shell script in a guest that brings its results here, for the agent here to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import cli
from lab.errors import LabError
from lab.job import CHECKOUT
from lab.programs import run
from lab.workloads import build

#: The first storm of a boot holds locks ten times as long, as files are read and QEMU translates.
WARM: Final = "./execstorm 16 10x /usr/bin/true"
_AGENT: Final = CHECKOUT / ".venv/bin/immapscope"


@dataclass(frozen=True)
class Trial:
    """`kernel` as lab.kernels names it; `append` is for its command line."""

    kernel: str
    topology: str = "4x2"
    append: str = ""
    limit_seconds: int = 900

    def boot(self, what: str, script: str, workloads: Sequence[str], into: Path) -> None:
        """Runs the script beside these workloads; its $OUT comes to `into`.

        `what` it does is for the LabError that is raised where it does not end well.
        """
        words = ["--kernel", self.kernel, "--topology", self.topology]
        words += ["--timeout", str(self.limit_seconds), "--out", str(into)]
        words += ["--append", self.append] if self.append else []
        for name in workloads:
            words += ["--file", str(build.build(name))]
        status = cli.main([*words, "--", "sh", "-c", script])
        if status != 0:
            raise LabError(f"{what} on {self.kernel} ended with status {status}")


def immapscope(*words: str | Path) -> str:
    """What the command of the checkout prints on this machine. Raises LabError."""
    return run([_AGENT, *words])
