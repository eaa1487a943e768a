# SPDX-License-Identifier: GPL-2.0-or-later
"""Hash tables of 64-bit keys for compiled loops: open addressing, nothing is ever taken out."""

from __future__ import annotations

from typing import Final

import numpy as np

from immapscope.whatif.compiled import Records, compiled, inlined, signed

_SLOT: Final = np.dtype([("key", "u8"), ("value", "i8"), ("version", "i8")])

#: Of a table's slots so many in 100 may be in use.
_FULL: Final = 50


def table(room: int) -> Records:
    """For `room` keys, none of which is 0. The last slot counts them."""
    size = 2
    while size * _FULL < room * 100:
        size *= 2
    return np.zeros(size + 1, _SLOT)


def grown(old: Records, room: int) -> Records:
    """The same, or one that has room for `room` more."""
    used = int(old[-1]["value"])
    if (used + room) * 100 <= (len(old) - 1) * _FULL:
        return old
    new = table((used + room) * 2)
    _copy(old, new)
    return new


@inlined
def slot_of(table: Records, key: int) -> int:
    """Where the key is, put there if it was not: then its value is 0."""
    mask = len(table) - 2
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = signed(mixed >> np.uint64(32)) & mask
    while table[at].key != key:
        if table[at].key == 0:
            table[at].key = key
            table[len(table) - 1].value += 1
            return at
        at = (at + 1) & mask
    return at


@compiled
def _copy(old: Records, new: Records) -> None:
    for at in range(len(old) - 1):
        if old[at].key:
            to = slot_of(new, old[at].key)
            new[to].value = old[at].value
            new[to].version = old[at].version
