# SPDX-License-Identifier: GPL-2.0-or-later
"""`disturb_hammer.py SECONDS`: look up, update and delete elements of a BPF map without a pause."""

from __future__ import annotations

import sys
import threading
import time

from second_tracer import module


def _hammer(table: object, until: float) -> None:
    while time.monotonic() < until:
        for number in range(100):
            key = table.Key(number)  # type: ignore[attr-defined]  # bcc ships no types
            table[key] = table.Leaf(number)  # type: ignore[index, attr-defined]
            table.get(key)  # type: ignore[attr-defined]
            del table[key]  # type: ignore[attr-defined]


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[1])
    tables = [module()["hammered"] for _ in range(1)]
    hammers = [threading.Thread(target=_hammer, args=(tables[0], deadline)) for _ in range(4)]
    for hammer in hammers:
        hammer.start()
    for hammer in hammers:
        hammer.join()
