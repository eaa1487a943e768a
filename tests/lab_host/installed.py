# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.lab_host.installed [KERNEL]: `make install` and `make uninstall`, in a guest.

A guest has no network, so it is given the source as a clone has it, and the wheels that pip would
have fetched; tests/lab/test_installed.py does there what a person does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from lab import cache, image, job
from lab.programs import run

_REQUIREMENTS: Final = job.CHECKOUT / "requirements.txt"
_LIMIT: Final = 1200


def wheels() -> Path:
    """A folder of what requirements.txt names, for the guest's Python."""

    def download(folder: Path) -> None:
        command: list[str | Path] = [sys.executable, "-m", "pip", "--quiet", "download"]
        command += ["--disable-pip-version-check", "--no-deps", *image.FOR_THE_GUEST]
        run([*command, "--dest", folder, "--requirement", _REQUIREMENTS])

    content = cache.key(*image.FOR_THE_GUEST, _REQUIREMENTS.read_bytes())
    return cache.entry("wheels", f"wheels-{content}", download)


def lay_out(folder: Path) -> None:
    """Copy what a clone of this checkout has, as it is now."""
    listed = run(["git", "-C", job.CHECKOUT, "ls-files", "-z", "--cached", "--others",
                  "--exclude-standard"])  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, target = job.CHECKOUT / name, folder / name
        # A file that was removed and is still in the index.
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def main(kernel: str) -> int:
    """The status of the guest's tests."""
    with tempfile.TemporaryDirectory() as scratch:
        clone, wheelhouse = Path(scratch) / "clone", Path(scratch) / "wheels"
        lay_out(clone)
        shutil.copytree(wheels(), wheelhouse)
        words = [sys.executable, "lab/vm", "--kernel", kernel, "--init", "systemd"]
        words += ["--timeout", str(_LIMIT), "--file", str(clone), "--file", str(wheelhouse), "--"]
        words += ["python3", "-u", "-m", "pytest", "/lab/checkout/tests/lab/test_installed.py"]
        return subprocess.run(words, cwd=job.CHECKOUT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "stock-6.12"))
