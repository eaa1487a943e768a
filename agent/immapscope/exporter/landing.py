# SPDX-License-Identifier: GPL-2.0-or-later
"""The page at `/`, for people: what runs here, and which files waited most.

Where scripts run it is live (page/page.js, from /live.json); where they are blocked it is the table
that was rendered with the snapshot.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Final

from immapscope import __version__
from immapscope.exporter.labels import FileLabels
from immapscope.exporter.status import Status
from immapscope.outputs.printable import printable
from immapscope.outputs.units import duration
from immapscope.snapshot import Snapshot

#: So many files are named.
MOST_FILES: Final = 10

_PARTS = files("immapscope.exporter") / "page"
_STYLE, _SCRIPT = (
    (_PARTS / name).read_text("utf-8").rstrip("\n") for name in ("style.css", "page.js")
)
_BEFORE, _AFTER = (
    (_PARTS / "page.html")
    .read_text("utf-8")
    .replace("@VERSION@", escape(__version__))
    .replace("@STYLE@", _STYLE)
    .replace("@SCRIPT@", _SCRIPT)
    .split("@STATIC@")
)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


#: Nothing may be loaded or run but this style and this script, which asks this server alone.
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class LandingRow:
    """What a file waited since it has had series."""

    file: FileLabels
    wait_ns: int
    contended: int


def landing_page(observed: tuple[Snapshot, Status] | None, rows: Sequence[LandingRow]) -> bytes:
    """HTML that needs nothing else, UTF-8."""
    body = "<p>No snapshot yet.</p>" if observed is None else _observed(*observed) + _table(rows)
    return f"{_BEFORE}{body}{_AFTER}".encode()


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
