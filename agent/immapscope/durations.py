# SPDX-License-Identifier: GPL-2.0-or-later
"""Durations as people write them: a number with a unit, as `10s`, `500ms`, `2m`, `1h`."""

from __future__ import annotations

import re

from immapscope.errors import UsageError

_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST = 0.001
#: A year: more is a slip of the finger.
_LONGEST = 366 * 24 * 3600.0


def parse_duration(text: str) -> float:
    """Seconds; a bare number is seconds.

    Raises UsageError for what is no duration, for zero and for more than a year.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no duration; write 10s, 500ms, 2m or 1h")
    seconds = float(match["number"]) * _SECONDS[match["unit"] or "s"]
    if not _SHORTEST <= seconds <= _LONGEST:
        raise UsageError(f"{text!r} is not between 1ms and a year")
    return seconds
