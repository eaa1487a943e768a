# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of docs/ with parts that commands write: between `<!-- NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.errors import LabError


def circumstances(report: Mapping[str, Any]) -> str:
    """On what was measured, and when: from JSON of `trace` or `report`, of any of the designs."""
    kernel, started = report["kernel"], datetime.fromisoformat(report["started"])
    return (
        f"{kernel['nodes']} nodes, {kernel['cpus']} CPUs, "
        f"Linux {kernel['release'].partition('-')[0]}, in guests on {os.cpu_count()} real cores; "
        f"{started.day} {started:%B %Y}."
    )


def check(path: Path, names: Iterable[str]) -> None:
    """Raises LabError where the page has no place for one of them: before hours are spent."""
    page = path.read_text()
    for name in names:
        put(page, name, ())


def write(path: Path, parts: Mapping[str, Iterable[str]]) -> None:
    """Replaces these parts of the page. Raises LabError where it has no place for one."""
    page = path.read_text()
    for name, lines in parts.items():
        page = put(page, name, lines)
    path.write_text(page)


def tell(path: Path, parts: Mapping[str, Iterable[str]], *, into_page: bool) -> None:
    """Prints what was measured, and writes it into the page if that is asked for. LabError."""
    print("\n\n".join("\n".join(lines) for lines in parts.values()))
    if into_page:
        write(path, parts)


def put(page: str, name: str, lines: Iterable[str]) -> str:
    """The page's text with that part replaced. Raises LabError where it has no such part."""
    body = "\n".join(lines)
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise LabError(f"the page has no place for {name}")
    return pattern.sub(lambda found: f"{found[1]}\n{body}\n\n{found[2]}", page)
