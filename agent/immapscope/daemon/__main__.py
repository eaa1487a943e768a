# SPDX-License-Identifier: GPL-2.0-or-later
"""The service itself, as `immapscope daemon` starts it: python3 -m immapscope.daemon [FILE].

A process of its own, since the command line and its libraries would stay in memory for months.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from immapscope.daemon import logs
from immapscope.daemon.configuration import read_settings
from immapscope.daemon.observer import Observer
from immapscope.daemon.program import Program
from immapscope.daemon.service import Service
from immapscope.errors import ExitStatus, ImmapscopeError
from immapscope.exporter import Exporter, Server
from immapscope.outputs.printable import one_line
from immapscope.settings import Settings
from immapscope.signals import Signals
from immapscope.streams import prepare


def listen(settings: Settings, exporter: Exporter) -> Server:
    """A server of the exporter's pages that has started. Raises UsageError."""
    server = Server(
        settings.exporter.listen,
        lambda: exporter.pages,
        settings.exporter.web,
        settings.exporter.max_connections,
    )
    server.start()
    return server


def main(words: Sequence[str]) -> ExitStatus:
    """Serves until SIGTERM or SIGINT; an error is one line on stderr."""
    prepare()
    path = Path(words[0]) if words else None
    program = Program()

    def read_again() -> Settings:
        program.check()
        return read_settings(path)

    with Signals((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)) as signals:
        try:
            settings = read_settings(path)
            logs.start(settings.log.level)
            Service(settings, read_again, Observer, listen).run(signals)
        except ImmapscopeError as error:
            if signals.seen & {signal.SIGTERM, signal.SIGINT}:
                # Whoever stops a service may stop its children with it, which is no error of ours.
                return ExitStatus.FINE
            with suppress(OSError):
                print(f"immapscope: {one_line(str(error))}", file=sys.stderr)
            return error.status
    return ExitStatus.FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
