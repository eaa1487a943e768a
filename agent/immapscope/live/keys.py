# SPDX-License-Identifier: GPL-2.0-or-later
"""What was typed: the bytes of a terminal as keys."""

from __future__ import annotations

import re
from typing import Final

#: A key is its character, or one of these; other keys, such as arrows, are nothing.
ENTER: Final = "enter"
ESCAPE: Final = "escape"
BACKSPACE: Final = "backspace"
CLEAR: Final = "clear"

_NAMES: Final = {
    "\r": ENTER,
    "\n": ENTER,
    "\x1b": ESCAPE,
    "\x7f": BACKSPACE,
    "\x08": BACKSPACE,
    "\x15": CLEAR,
}

#: What a terminal sends for one key or event: CSI and SS3 sequences, and a key with Alt.
_SEQUENCE = re.compile(rb"\x1b(?:\[[\x20-\x3f]*[\x40-\x7e]|O[\x20-\x7e]|[^\x1b\[O])", re.DOTALL)
_MOST_OF_A_CHARACTER = 3


class Keys:
    """Turns what is read into keys; a character that came in parts is one when it is whole."""

    def __init__(self) -> None:
        self._rest = b""

    def typed(self, content: bytes) -> list[str]:
        """The keys of `content`, in order; bytes that are not UTF-8 as surrogate escapes."""
        plain = _SEQUENCE.sub(b"", self._rest + content)
        whole = len(plain) - _unfinished(plain)
        self._rest = plain[whole:]
        characters = plain[:whole].decode("utf-8", "surrogateescape")
        return [_NAMES.get(one, one) for one in characters if one in _NAMES or one >= " "]


def _unfinished(content: bytes) -> int:
    """How many bytes at the end begin a character that is not all there."""
    for length in range(1, min(_MOST_OF_A_CHARACTER, len(content)) + 1):
        lead = content[-length]
        if lead < 0x80:
            return 0
        if lead >= 0xC0:
            # No character begins with more than 0xf7: such a byte is one of its own.
            needed = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4 if lead < 0xF8 else 1
            return length if length < needed else 0
    return 0
