# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope daemon --check`: is this configuration fine, and if not, what is wrong where?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from immapscope.config import load, load_web_config
from immapscope.config.errors import ConfigError
from immapscope.errors import ExitStatus, ImmapscopeError
from immapscope.outputs.printable import one_line, printable


def check(path: Path, write: Callable[[str], None]) -> ExitStatus:
    """Writes a line for each problem, or that the file is fine, and so for the web configuration.

    Nothing is traced, listened on or changed. The status is WRONG_USAGE where anything is wrong.
    """
    try:
        config = load(path)
        write(_fine(path))
        web = config.exporter.web_config_file
        if web is not None:
            _check_web(web)
            write(_fine(web))
    except ConfigError as error:
        for line in error.lines:
            write(f"{line}\n")
        return error.status
    except ImmapscopeError as error:
        write(f"{one_line(str(error))}\n")
        return error.status
    return ExitStatus.FINE


def _check_web(path: Path) -> None:
    """As the exporter would take it, certificates too."""
    # Imported late: most configurations have none.
    from immapscope.exporter.tls import server_context

    tls = load_web_config(path).tls
    if tls is not None:
        server_context(tls)


def _fine(path: Path) -> str:
    return f"{printable(str(path))}: fine\n"
