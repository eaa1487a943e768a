# SPDX-License-Identifier: GPL-2.0-or-later
"""The checkout's .venv, made anew when it is out of date: python3 -m lab.venv [--dev]."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cache
from lab.errors import LabError
from lab.programs import run

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
# The Python that Debian's python3-bpfcc is for, whatever python3 comes first on the PATH.
PYTHON = Path("/usr/bin/python3")
CORE = CHECKOUT / "requirements.txt"
AGENT = CHECKOUT / "requirements-analysis.txt"
DEV = CHECKOUT / "requirements-dev.txt"


def make(dev: bool) -> None:
    """Bring .venv up to date, with what tests and lint need if `dev`; LabError if that fails."""
    python = run([PYTHON, "-c", "import sys; print(sys.version)"])
    recipe = (CORE, AGENT, CHECKOUT / "pyproject.toml", Path(__file__))
    agent = cache.key(python, str(CHECKOUT), *(path.read_bytes() for path in recipe))
    if _stamp("agent") != agent:
        print(f"venv: making {VENV}, about half a minute", file=sys.stderr)
        # Debian's bcc is among the system's packages.
        run([PYTHON, "-m", "venv", "--clear", "--system-site-packages", VENV])
        _pip("--requirement", str(AGENT))
        _pip("--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT))
        _stamp_path("agent").write_text(agent)
    if dev and _stamp("dev") != cache.key(DEV.read_bytes()):
        print(f"venv: adding what tests need to {VENV}, about half a minute", file=sys.stderr)
        _pip("--requirement", str(DEV))
        _stamp_path("dev").write_text(cache.key(DEV.read_bytes()))


def _pip(*words: str) -> None:
    command = [str(VENV / "bin/python"), "-m", "pip", "--quiet", "install"]
    command += ["--disable-pip-version-check", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"{shlex.join(command)} failed:\n{done.stderr.rstrip()}")


def _stamp_path(name: str) -> Path:
    return VENV / f"{name}.made-from"


def _stamp(name: str) -> str:
    path = _stamp_path(name)
    return path.read_text() if path.is_file() else ""


def main(words: Sequence[str]) -> int:
    """0 when .venv is ready, 1 when it could not be made, 2 for wrong usage."""
    if list(words) not in ([], ["--dev"]):
        print("venv: usage: python3 -m lab.venv [--dev]", file=sys.stderr)
        return 2
    try:
        make(dev="--dev" in words)
    except LabError as error:
        print(f"venv: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
