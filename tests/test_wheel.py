# SPDX-License-Identifier: GPL-2.0-or-later
"""A wheel carries what the agent is made of: its modules, the page, and the probes' C."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def test_a_wheel_has_every_file_of_the_agent_and_the_probes_and_finds_them(tmp_path: Path) -> None:
    # Of a copy, since a build may leave folders where it is made.
    copy = tmp_path / "checkout"
    copy.mkdir()
    for part in ("agent", "probes"):
        shutil.copytree(
            CHECKOUT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / part, copy / part)
    wheels = tmp_path / "wheels"
    # What pip asks a project's build system for (PEP 517), without pip.
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, wheels], cwd=copy, check=True)
    (wheel,) = wheels.iterdir()
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    there = {path.name for path in installed.rglob("*") if path.is_file()}
    made_of = {
        path.name
        for part in ("agent/immapscope", "probes")
        for path in (copy / part).rglob("*")
        if path.is_file()
    }
    assert {"slowpath.c", "page.js"} <= made_of
    assert made_of <= there
    look = (
        "from immapscope.tracing import source; print(source.__file__);"
        "print(source.probes_directory())"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {look}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert all(Path(path).is_relative_to(installed) for path in said)
    assert (Path(said[1]) / "slowpath.c").is_file()
