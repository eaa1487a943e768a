# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of docs/ with parts that commands write: between `<!-- NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.errors import LabError


def put(page: str, name: str, lines: Iterable[str]) -> str:
    """The page's text with that part replaced. Raises LabError where it has no such part."""
    body = "\n".join(lines)
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise LabError(f"the page has no place for {name}")
    return pattern.sub(lambda found: f"{found[1]}\n{body}\n\n{found[2]}", page)
