# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of files made safe for a terminal and for text formats, without losing a byte.

A file name is any bytes without NUL and slash. What is not a printable character of UTF-8 is
written as `\\xNN`, one for each byte: control characters and escape sequences, line and paragraph
separators, invisible and bidirectional format characters, every space but the plain one, bytes
that are not UTF-8. So is the backslash itself (`\\x5c`), so that an escape is always an escape.
"""

from __future__ import annotations


def printable(name: str) -> str:
    """`name`, undecodable bytes as surrogate escapes, with only printable characters left."""
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(_escaped(character) for character in name)


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
