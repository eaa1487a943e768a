# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon as a service of this machine: python3 -m lab.install [--remove].

    PREFIX/bin/immapscope                     starts the agent
    PREFIX/lib/immapscope/                    its venv, with the versions of requirements.txt
    PREFIX/share/immapscope/config.yaml       the configuration as it is shipped
    /etc/immapscope/config.yaml               the configuration; if edited it is kept
    /etc/systemd/system/immapscope.service

With --destdir all goes below that folder and this machine's systemd is left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError, UsageError
from lab.programs import run

CHECKOUT = Path(__file__).resolve().parent.parent
# The Python that Debian's python3-bpfcc is for, whatever python3 comes first on the PATH.
PYTHON = Path("/usr/bin/python3")
UNIT = CHECKOUT / "systemd/immapscope.service"
# As the unit in the checkout has it.
PREFIX = Path("/usr/local")
LAUNCHER = """\
#!{python} -I
# SPDX-License-Identifier: GPL-2.0-or-later
import sys

from immapscope.cli import main

sys.exit(main())
"""


@dataclass(frozen=True)
class Places:
    """Where everything goes: `prefix` is where it will be, `destdir` what that lies below."""

    prefix: Path
    destdir: Path = Path("/")

    def below(self, path: Path) -> Path:
        """Where the file that will be `path` is written now."""
        return self.destdir / path.relative_to("/")

    @property
    def venv(self) -> Path:
        return self.prefix / "lib/immapscope"

    @property
    def launcher(self) -> Path:
        return self.prefix / "bin/immapscope"

    @property
    def shipped_config(self) -> Path:
        return self.prefix / "share/immapscope/config.yaml"

    @property
    def config(self) -> Path:
        return Path("/etc/immapscope/config.yaml")

    @property
    def unit(self) -> Path:
        return Path("/etc/systemd/system/immapscope.service")


def install(places: Places, make_venv: Callable[[Path], None]) -> None:
    """Put everything in its place, over what an earlier install left there."""
    venv = places.below(places.venv)
    fresh = venv.with_name("immapscope.new")
    shutil.rmtree(fresh, ignore_errors=True)
    make_venv(fresh)
    shutil.rmtree(venv, ignore_errors=True)
    fresh.rename(venv)
    _write(places.below(places.launcher), launcher(places), 0o755)
    _install_config(places)
    _write(places.below(places.unit), unit(places), 0o644)


def remove(places: Places) -> None:
    """Take away what `install` put there; an edited configuration stays, and is told of."""
    config, shipped = places.below(places.config), places.below(places.shipped_config)
    if config.is_file() and shipped.is_file() and config.read_bytes() == shipped.read_bytes():
        config.unlink()
    for path in (places.unit, places.launcher, places.shipped_config):
        places.below(path).unlink(missing_ok=True)
    shutil.rmtree(places.below(places.venv), ignore_errors=True)
    for folder in (shipped.parent, config.parent):
        left = sorted(folder.iterdir()) if folder.is_dir() else []
        if left:
            _say(f"not removed, since you made or edited it: {', '.join(map(str, left))}")
        elif folder.is_dir():
            folder.rmdir()


def launcher(places: Places) -> str:
    """The text of the program; it must not depend on where the venv was made."""
    return LAUNCHER.format(python=places.venv / "bin/python")


def unit(places: Places) -> str:
    """The text of the unit, which starts the agent of this prefix."""
    return UNIT.read_text().replace(f"={PREFIX}/bin/", f"={places.prefix}/bin/")


def _install_config(places: Places) -> None:
    config, shipped = places.below(places.config), places.below(places.shipped_config)
    before = shipped.read_bytes() if shipped.is_file() else None
    text = (CHECKOUT / "config.yaml").read_text()
    _write(shipped, text, 0o644)
    if not config.is_file() or config.read_bytes() == before:
        _write(config, text, 0o644)
    elif config.read_text() != text:
        _say(f"{config} was edited and stays; as shipped it is {shipped}")


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def venv_of_checkout(folder: Path) -> None:
    """A venv with the agent as it is now, and Debian's bcc from the system's packages."""
    _say(f"making {folder}, about half a minute")
    run([PYTHON, "-m", "venv", "--system-site-packages", folder])
    pip: list[str | Path] = [folder / "bin/python", "-m", "pip", "--quiet", "install"]
    pip.append("--disable-pip-version-check")
    run([*pip, "--requirement", CHECKOUT / "requirements.txt"])
    run([*pip, "--no-deps", "--no-build-isolation", CHECKOUT])


def _systemctl(*words: str) -> bool:
    """Whether it said yes; it is not asked where systemd does not run."""
    if not Path("/run/systemd/system").is_dir():
        return False
    return subprocess.run(["systemctl", *words], check=False).returncode == 0


def _how_to_start() -> str:
    """What makes systemd run what is installed now, and not what it runs already."""
    active = _systemctl("is-active", "--quiet", "immapscope.service")
    return "restart immapscope" if active else "enable --now immapscope"


def _say(what: str) -> None:
    print(f"install: {what}", file=sys.stderr)


def _parsed(words: Sequence[str]) -> tuple[Places, bool]:
    parser = argparse.ArgumentParser(
        prog="python3 -m lab.install", description="Install the daemon."
    )
    parser.add_argument("--prefix", type=Path, default=PREFIX, metavar="FOLDER")
    parser.add_argument("--destdir", type=Path, default=Path("/"), metavar="FOLDER")
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args(words)
    for name in ("prefix", "destdir"):
        if not getattr(options, name).is_absolute():
            raise UsageError(f"--{name} {getattr(options, name)} is not absolute")
    return Places(options.prefix, options.destdir), options.remove


def main(words: Sequence[str]) -> int:
    """0 when done, 1 when it could not be, 2 for wrong usage."""
    # The service runs as another user than who installs.
    os.umask(0o022)
    try:
        places, removing = _parsed(words)
        here = places.destdir == Path("/")
        if removing:
            if here:
                _systemctl("disable", "--now", "immapscope.service")
            remove(places)
        else:
            install(places, venv_of_checkout)
        if here:
            _systemctl("daemon-reload")
            if not removing:
                _say(f"start it: systemctl {_how_to_start()}")
    except UsageError as error:
        _say(str(error))
        return 2
    except (LabError, OSError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
