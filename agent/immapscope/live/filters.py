# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files a filter means: a WHO as on the command line, or any part of a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from immapscope.errors import UsageError
from immapscope.snapshot import Inode, Row
from immapscope.tracing.wanted import Wanted
from immapscope.who import parse_who


def filtered(rows: Iterable[Row], text: str) -> tuple[Row, ...]:
    """The rows of the files that `text` means; an empty one means all rows."""
    if not text:
        return tuple(rows)
    is_who = _who(text)
    part = text.casefold()
    return tuple(
        row
        for row in rows
        if row.inode is not None
        and (is_who(row.inode) or any(part in name for name in _names(row.inode)))
    )


def _who(text: str) -> Callable[[Inode], bool]:
    try:
        who = parse_who(text)
    except UsageError:
        return lambda inode: False
    return Wanted([who], lambda path: None).now().matches or (lambda inode: True)


def _names(inode: Inode) -> Iterator[str]:
    """Everything that a person may know the file by."""
    yield f"{inode.device}:{inode.number}"
    for name in (inode.name, inode.path):
        if name is not None:
            yield name.casefold()
