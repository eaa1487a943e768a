# SPDX-License-Identifier: GPL-2.0-or-later
"""Building a kernel of ours: one tree, patched back and forth, so that objects are shared.

What two families have in common is compiled once (ccache), what a change does not touch is not
compiled again (make).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lab import cache, ext4
from lab.errors import LabError
from lab.kernels import config, source
from lab.programs import PATH, run

_APPLIED = "lab-applied.patch"


def build(
    name: str, version: str, patches: Sequence[Path], fragments: Sequence[Path], into: Path
) -> None:
    """Fills `into` with bzImage and, where there are modules, modules.ext4. Raises LabError."""
    began = time.monotonic()
    print(f"lab: building {name} from {source.PACKAGE} {version}, minutes", file=sys.stderr)
    with cache.locked("kernel-tree"):
        tree = _tree(version)
        _apply(tree, patches)
        _configure(tree, name, fragments)
        log = cache.directory() / "kernels" / f"{name}.log"
        _make(tree, log, "bzImage", *(["modules"] if _has_modules(tree) else []))
        shutil.copyfile(tree / "arch/x86/boot/bzImage", into / "bzImage")
        if _has_modules(tree):
            _pack_modules(tree, log, into / "modules.ext4")
    print(f"lab: built {name} in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _tree(version: str) -> Path:
    """Of that version; those of others are removed."""
    folder = cache.directory() / "build"
    tree = folder / f"linux-{version}"
    if not (tree / "Makefile").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        whole = folder / "unpacking"
        source.unpack(version, whole)
        whole.rename(tree)
    return tree


def _apply(tree: Path, patches: Sequence[Path]) -> None:
    applied = tree / _APPLIED
    wanted = b"".join(path.read_bytes() for path in patches)
    if (applied.read_bytes() if applied.is_file() else b"") == wanted:
        return
    if applied.is_file():
        run(["patch", "-R", "-s", "-p1", "-i", applied], folder=tree)
        applied.unlink()
    for path in patches:
        run(["patch", "-s", "-p1", "-i", path], folder=tree)
    if wanted:
        applied.write_bytes(wanted)


def _configure(tree: Path, name: str, fragments: Sequence[Path]) -> None:
    wanted = config.merged(path.read_text() for path in fragments)
    make = ["make", "-s", "CC=ccache gcc"]
    run([*make, "tinyconfig"], folder=tree)
    dot_config = tree / ".config"
    local = f'CONFIG_LOCALVERSION="-{name}"\n'
    dot_config.write_text(config.merged([dot_config.read_text(), wanted, local]))
    run([*make, "olddefconfig"], folder=tree)
    config.check(wanted, dot_config.read_text())


def _has_modules(tree: Path) -> bool:
    return config.options((tree / ".config").read_text()).get("CONFIG_MODULES") == "y"


def _make(tree: Path, log: Path, *targets: str) -> None:
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", "CC=ccache gcc", *targets]
    fixed = {
        # Else each build differs from the last by its time and place.
        "KBUILD_BUILD_TIMESTAMP": "2026-01-01", "KBUILD_BUILD_USER": "lab",
        "KBUILD_BUILD_HOST": "lab", "CCACHE_DIR": str(cache.directory() / "ccache"),
        "LC_ALL": "C", "PATH": PATH,
    }  # fmt: skip
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as written:
        done = subprocess.run(
            command, cwd=tree, env={**os.environ, **fixed}, check=False,
            stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()
        said = next((line for line in lines if "error" in line.lower()), "no error named")
        raise LabError(f"the kernel does not build: {said}; all of it is in {log}")


def _pack_modules(tree: Path, log: Path, image: Path) -> None:
    with cache.scratch("modules") as files:
        _make(tree, log, "modules_install", f"INSTALL_MOD_PATH={files}", "DEPMOD=true")
        (release,) = (path.name for path in (files / "lib/modules").iterdir())
        for link in ("build", "source"):
            (files / "lib/modules" / release / link).unlink(missing_ok=True)
        run(["depmod", "-b", files, release])
        ext4.make(image, "lab-modules", ext4.size_for(files), files / "lib/modules")
