# SPDX-License-Identifier: GPL-2.0-or-later
"""The page at `/`, for people: what runs here, and which files waited most."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from immapscope import __version__
from immapscope.exporter.labels import FileLabels
from immapscope.exporter.status import Status
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration
from immapscope.snapshot import Snapshot

#: So many files are named.
MOST_FILES: Final = 10

_STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "td,th{padding:.2em 1em .2em 0;text-align:left}td+td+td{text-align:right}"
)

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing may be loaded or run but this style.
CONTENT_SECURITY_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"


@dataclass(frozen=True, slots=True)
class LandingRow:
    """What a file waited since it has had series."""

    file: FileLabels
    wait_ns: int
    contended: int


def landing_page(observed: tuple[Snapshot, Status] | None, rows: Sequence[LandingRow]) -> bytes:
    """HTML without scripts, links elsewhere or anything loaded; UTF-8."""
    body = "<p>No snapshot yet.</p>" if observed is None else _observed(*observed) + _table(rows)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>immapscope</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>immapscope {escape(__version__)}</h1>\n"
        "<p>Which file's i_mmap lock this machine waits on.</p>\n"
        f"{body}\n"
        '<ul><li><a href="/metrics">/metrics</a>: for Prometheus</li>'
        '<li><a href="/-/ready">/-/ready</a>: is there a fresh snapshot?</li>'
        '<li><a href="/-/healthy">/-/healthy</a>: is the server alive?</li></ul>\n'
        "</body></html>\n"
    ).encode()


def _observed(interval: Snapshot, status: Status) -> str:
    kernel = interval.kernel
    when = datetime.fromtimestamp(status.snapshot_time, UTC)
    facts = (
        f"Linux {printable(kernel.release)}, layout {kernel.layout}, {kernel.nodes} nodes, "
        f"{kernel.cpus} CPUs; {interval.mode} mode; {status.tracked_inodes:,} files tracked; "
        f"last snapshot {when:%Y-%m-%d %H:%M:%S} UTC, of {duration(interval.duration_ns)}"
    )
    return f"<p>{escape(facts)}</p>\n"


def _table(rows: Sequence[LandingRow]) -> str:
    if not rows:
        return "<p>No file has been seen yet.</p>"
    lines = "".join(
        f"<tr><td>{escape(row.file.file)}</td><td>{escape(row.file.inode)}</td>"
        f"<td>{escape(duration(row.wait_ns))}</td><td>{row.contended:,}</td></tr>\n"
        for row in rows
    )
    return (
        "<table><caption>The files that waited most lately, since each has had series</caption>\n"
        f"<tr><th>file</th><th>inode</th><th>wait</th><th>waits</th></tr>\n{lines}</table>"
    )
