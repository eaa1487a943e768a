# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of files made safe for a terminal and for text formats, without losing a byte.

A file name is any bytes without NUL and slash. What is not a printable character of UTF-8 is
written as `\\xNN`, one for each byte: control characters and escape sequences, line and paragraph
separators, invisible and bidirectional format characters, every space but the plain one, bytes
that are not UTF-8. So is the backslash itself (`\\x5c`), so that an escape is always an escape.
"""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

ELLIPSIS: Final = "…"


def printable(name: str) -> str:
    """`name`, undecodable bytes as surrogate escapes, with only printable characters left."""
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(_escaped(character) for character in name)


def shortened(text: str, cells: int) -> str:
    """Printable text in at most `cells` terminal cells, its middle replaced by an ellipsis.

    The tail keeps the larger half: versions and suffixes tell names apart.
    """
    if cell_len(text) <= cells:
        return text
    if cells <= 1:
        return ELLIPSIS[:cells]
    head = _fitting(text, (cells - 1) // 2)
    tail = _fitting(text[::-1], cells - 1 - cell_len(head))[::-1]
    return head + ELLIPSIS + tail


def one_line(message: str) -> str:
    """A message in which every character can be printed and no line ends."""
    return "".join(
        character if character.isprintable() else _bytes_of(character)
        for character in " ".join(message.split())
    )


def _escaped(character: str) -> str:
    printable = character.isprintable() and character != "\\"
    return character if printable else _bytes_of(character)


def _bytes_of(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _fitting(text: str, cells: int) -> str:
    """The longest start of `text` that fits."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > cells:
            return text[:index]
    return text
